#!/usr/bin/env python3
"""Grow the trees of the generic rule, and measure them on repositories they were not grown on.

usage: train.py LABELLED FEATURES OTHERS NEGATIVES [OUT]

LABELLED   folder with labels.tsv (path, first and last line, T or F, category, columns of the value) and files/REPO/...
FEATURES   output of build/test/features files, run in that folder
OTHERS     JSON report of `curfew-scan scan --dir files` there: findings of the other rules count in the figures
NEGATIVES  output of build/test/features over system folders and public projects without their tests, where a
           password is as good as never one; '-': none
OUT        trees.tab

Needs numpy and lightgbm (4.7 was used).  Nothing of the corpus but thresholds and leaf values goes into OUT.  The
figures come from folds by repository: every value is judged by trees that never saw its repository, and the bar of
each fold is chosen on the other folds.  The table that is written is grown on all repositories.
"""
import collections, json, sys
import lightgbm, numpy

SOFT = {"UUID", "Nonce", "Salt"}  # not counted, neither way
FOLDS, ROUNDS, UNIT = 10, 200, 1024
GATE_ROUNDS, GATE_KEEPS = 40, 0.995  # the first trees ask for the value and its name only, and keep so much of the true
PARAMETERS = dict(objective="binary", learning_rate=0.06, num_leaves=15, min_data_in_leaf=20, feature_fraction=0.4,
                  bagging_fraction=0.8, bagging_freq=1, lambda_l2=5.0, verbose=-1, num_threads=2, seed=1,
                  deterministic=True, force_row_wise=True)
MEDIUM_PRECISION, HIGH_PRECISION = 0.93, 0.97
NEGATIVES_MAX, NEGATIVE_WEIGHT = 25_000, 0.3

class Labels:
    def __init__(self, folder):
        self.rows = [line.rstrip("\n").split("\t") for line in open(folder + "/labels.tsv")][1:]
        self.true, self.spans = set(), collections.defaultdict(list)
        for path, first, last, label, kinds, start, end in self.rows:
            for n in range(int(first), int(last) + 1):
                if label == "T":
                    self.true.add((path, n))
                    if not set(kinds.split(":")) <= SOFT:
                        self.spans[path, n].append((int(start), int(end)) if start and end else None)

    def score(self, lines):
        """(precision, recall, F1, {category: (found, all)}) as score.py counts, for a list of (path, line)."""
        found = collections.defaultdict(set)
        for path, n in lines:
            found[path].add(n)
        hits, total = collections.Counter(), collections.Counter()
        for path, first, last, label, kinds, _, _ in self.rows:
            kinds = kinds.split(":")
            if label == "T" and not set(kinds) <= SOFT:
                total[kinds[0]] += 1
                hits[kinds[0]] += any(n in found[path] for n in range(int(first), int(last) + 1))
        wrong = sum((path, n) not in self.true for path, ns in found.items() for n in ns)
        tp = sum(hits.values())
        p, r = tp / max(1, tp + wrong), tp / sum(total.values())
        return p, r, 2 * p * r / max(1e-9, p + r), {k: (hits[k], n) for k, n in total.most_common()}

def read(name):
    with open(name, errors="replace") as f:
        names = next(f).rstrip("\n").split("\t")[5:]
        where, x = [], []
        for line in f:
            c = line.rstrip("\n").split("\t")
            where.append((c[0], int(c[1]), int(c[2]), int(c[3]), c[4]))
            x.append(c[5:])
    return names, where, numpy.array(x, dtype=numpy.int32)

def truth(labels, where):
    y, weight = numpy.zeros(len(where)), numpy.ones(len(where))
    for i, (path, line, start, end, _) in enumerate(where):
        if (path, line) in labels.spans:
            y[i] = 1
            if not any(s is None or (start < s[1] and end > s[0]) for s in labels.spans[path, line]):
                weight[i] = 0.2  # another value on the line of a secret
        elif (path, line) in labels.true:
            weight[i] = 0
    return y, weight

def blind(names, x):
    x = x.copy()
    x[:, names.index("COMMENT"):] = 0
    return x

def grow_gate(names, x, y, weight, extra):
    return grow(blind(names, x), y, weight, blind(names, extra), GATE_ROUNDS, num_leaves=8, learning_rate=0.15, feature_fraction=0.7)

def grow(x, y, weight, extra, rounds=ROUNDS, **more):
    keep = weight > 0
    x, y, weight = x[keep], y[keep], weight[keep]
    if len(extra):
        x = numpy.vstack([x, extra])
        y = numpy.concatenate([y, numpy.zeros(len(extra))])
        weight = numpy.concatenate([weight, numpy.full(len(extra), NEGATIVE_WEIGHT)])
    return lightgbm.train({**PARAMETERS, **more}, lightgbm.Dataset(x, y, weight=weight), rounds)

def bars(labels, others, where, s):
    """The bar with the best F1 of all rules, and the lowest ones at which this rule's own findings reach two precisions."""
    best, out = (-1.0, 0.0), []
    for t in numpy.arange(-2, 4, 0.1):
        f1 = labels.score(list(others) + [where[i][:2] for i in numpy.where(s > t)[0]])[2]
        best = max(best, (f1, float(t)))
    out.append(best[1])
    for wanted in (MEDIUM_PRECISION, HIGH_PRECISION):
        for t in numpy.arange(out[-1], 6, 0.1):
            lines = {where[i][:2] for i in numpy.where(s > t)[0]}
            if sum(k not in labels.true for k in lines) <= (1 - wanted) * len(lines):
                break
        out.append(float(t))
    return out

def tree_lines(booster):
    for tree in booster.dump_model()["tree_info"]:
        nodes, leaves = [], []
        def walk(n):
            if "leaf_value" in n and "split_feature" not in n:
                leaves.append(round(n["leaf_value"] * UNIT))
                return -len(leaves)
            assert n["decision_type"] == "<="
            at = len(nodes)
            nodes.append(None)
            left, right = walk(n["left_child"]), walk(n["right_child"])
            most = max(-32768, min(32767, int(numpy.floor(n["threshold"]))))
            nodes[at] = (n["split_feature"], most, left, right, round(n["internal_value"] * UNIT))
            return at
        walk(tree["tree_structure"])
        if not nodes:
            continue
        yield [len(nodes)] + [v for n in nodes for v in n] + leaves

def write(out, names, gate, booster, bar, command):
    first, trees = list(tree_lines(gate)), list(tree_lines(booster))
    trees = first + trees
    with open(out, "w") as f:
        f.write(f"# made by {command}\n"
                "# from a folder of files whose lines were judged by hand (see docs/accuracy.md): thresholds and leaf\n"
                "# values only, no text of it.  Form: names of the features, 'end'; number of trees of the gate, of all;\n"
                f"# bars of the gate, for telling, medium, high; per tree: nodes (feature, at most, left, right, value), leaves; 1/{UNIT} log odds\n")
        words = names + ["end"] + [len(first), len(trees)] + [round(b * UNIT) for b in bar]
        line = ""
        for w in [str(w) for w in words] + [str(v) for t in trees for v in t]:
            if len(line) + len(w) + 1 > 118:
                f.write(line + "\n")
                line = ""
            line += (" " if line else "") + w
        f.write(line + "\n")

def main():
    labels = Labels(sys.argv[1])
    names, where, x = read(sys.argv[2])
    others = [(f["File"][f["File"].index("files/"):], f["StartLine"]) for f in json.load(open(sys.argv[3]))
              if f["RuleID"] != "generic-secret"]
    extra, held = numpy.empty((0, x.shape[1]), dtype=numpy.int32), None
    if sys.argv[4] != "-":
        _, nwhere, nx = read(sys.argv[4])
        order = numpy.random.RandomState(3).permutation(len(nx))
        extra, held = nx[order[:NEGATIVES_MAX]], nx[order[NEGATIVES_MAX:]]
    y, weight = truth(labels, where)
    repo = numpy.array([w[0].split("/")[1] for w in where])
    repos = sorted(set(repo))
    order = numpy.random.RandomState(0).permutation(len(repos))
    number = {repos[k]: i % FOLDS for i, k in enumerate(order)}
    fold = numpy.array([number[r] for r in repo])
    s, first = numpy.zeros(len(y)), numpy.zeros(len(y))
    for k in range(FOLDS):
        rest = fold != k
        first[fold == k] = grow_gate(names, x[rest], y[rest], weight[rest], extra).predict(blind(names, x[fold == k]), raw_score=True)
        s[fold == k] = grow(x[rest], y[rest], weight[rest], extra).predict(x[fold == k], raw_score=True)
    gate_bar = float(numpy.quantile(first[(y == 1) & (weight == 1)], 1 - GATE_KEEPS))
    print(f"gate {gate_bar:.2f}: {(first > gate_bar).mean():.3f} of all values and {(first > gate_bar)[y == 1].mean():.3f} of true ones pass")
    s[first <= gate_bar] = -99
    print("values", len(y), "true", int(y.sum()), "repositories", len(repos))
    for t in numpy.arange(-1.5, 3.1, 0.5):
        p, r, f1, _ = labels.score(others + [where[i][:2] for i in numpy.where(s > t)[0]])
        print(f"  bar {t:5.2f}  precision {p:.3f}  recall {r:.3f}  F1 {f1:.3f}")
    lines = list(others)
    for k in range(FOLDS):  # the bar too is chosen without the fold
        rest = [w if fold[i] != k else ("", 0) for i, w in enumerate(where)]
        s_rest = numpy.where(fold == k, -99, s)
        inside = lambda path: number[path.split("/")[1]] != k if path.split("/")[1] in number else True
        part = Labels.__new__(Labels)
        part.true, part.spans = labels.true, labels.spans
        part.rows = [r for r in labels.rows if inside(r[0])]
        bar = bars(part, [o for o in others if inside(o[0])], rest, s_rest)[0]
        lines += [where[i][:2] for i in numpy.where((fold == k) & (s > bar))[0]]
    p, r, f1, kinds = labels.score(lines)
    print(f"THE FIGURE, out of fold: precision {p:.3f} recall {r:.3f} F1 {f1:.3f}")
    for kind, (found, n) in kinds.items():
        print(f"  {kind:28} {found}/{n}")
    bar = bars(labels, others, where, s)
    gate, booster = grow_gate(names, x, y, weight, extra), grow(x, y, weight, extra)
    if held is not None:
        passed = gate.predict(blind(names, held), raw_score=True) > gate_bar
        told = (passed & (booster.predict(held, raw_score=True) > bar[0])).sum()
        print(f"negatives not grown on: {told} of {len(held)} told, {passed.sum()} through the gate")
    print("bars", [round(b, 2) for b in bar])
    if len(sys.argv) > 5:
        write(sys.argv[5], names, gate, booster, [gate_bar] + bar, "hooks/scan/model/train.py LABELLED FEATURES OTHERS NEGATIVES OUT")

main()
