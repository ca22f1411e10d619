#!/usr/bin/env python3
"""peak.py COMMAND...: run it, print "peak N kB", its memory; exit as it does."""
import resource, subprocess, sys

rc = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "kB")
sys.exit(rc)
