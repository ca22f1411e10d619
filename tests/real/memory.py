#!/usr/bin/env python3
"""memory.py PID: planted texts (one a line on stdin) in the memory of a process.

Prints a line per copy that lies outside of locked pages left out of dumps, and
"copies N" for all.  Exit 1 if there was one outside.
"""
import re
import sys


def areas(pid):
    """(start, end, flags) of each readable mapping."""
    at = None
    for line in open(f"/proc/{pid}/smaps"):
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
        if m:
            at = (int(m[1], 16), int(m[2], 16), m[3])
        elif line.startswith("VmFlags:") and at[2][0] == "r":
            yield at[0], at[1], line.split()[1:]


def main():
    pid = int(sys.argv[1])
    planted = [x.encode() for x in sys.stdin.read().split()]
    inside = outside = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for start, end, flags in areas(pid):
            try:
                mem.seek(start)
                data = mem.read(end - start)
            except (OSError, ValueError):
                continue
            for i, text in enumerate(planted):
                n = data.count(text)
                if n and "lo" in flags and "dd" in flags:
                    inside += n
                elif n:
                    outside += n
                    print(f"text {i}: {n} copies at {start:x}, flags {flags}")
    print(f"copies {inside + outside}")
    return 1 if outside else 0


sys.exit(main())
