#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rows of bench/programs/scale.cpp over 1, 2, 4 ... ranks: one JSON line a number of ranks, and speed over ranks as SVG.

Ranks beyond the processor's cores share them: what they show is what the messages cost, not what more machines would bring. Numbers of ranks are
taken by turns, three times, and the least of each counts."""
import argparse
import json
import os
import subprocess


def plot(lines, path):
    left, top, width, height = 60, 40, 420, 300
    most = max(line["ranks"] for line in lines)
    base = lines[0]
    speeds = {what: [base[what] / line[what] for line in lines] for what in ("us_per_query", "us_one")}
    top_speed = max(max(values) for values in speeds.values()) * 1.1

    def place(ranks, speed):
        return left + width * (ranks - 1) / max(most - 1, 1), top + height * (1 - speed / top_speed)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 170}" height="{top + height + 50}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="18" font-size="13">Speed over ranks, {base["rows"]:,} rows of 384 in f32, {os.cpu_count()} cores (1 rank = 1)</text>']
    for line in lines:
        x, _ = place(line["ranks"], 0)
        out.append(f'<text x="{x:.0f}" y="{top + height + 16}" text-anchor="middle">{line["ranks"]}</text>')
    for step in range(int(top_speed * 2) + 1):
        _, y = place(1, step / 2)
        out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/><text x="{left - 6}" y="{y + 4:.1f}" '
                   f'text-anchor="end">{step / 2:g}</text>')
    for i, (what, colour, name) in enumerate((("us_per_query", "#4c78a8", "a batch of queries"), ("us_one", "#e45756", "one query at a time"))):
        places = [place(line["ranks"], speed) for line, speed in zip(lines, speeds[what])]
        out.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{left + width + 12}" y="{top + 14 + 18 * i}" fill="{colour}">{name}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--plot", metavar="OUT.svg")
    arguments = parser.parse_args()
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    best = {}
    for _ in range(3):
        for ranks in arguments.ranks:
            done = subprocess.run(["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks), arguments.program, str(arguments.rows),
                                   str(arguments.queries)], check=True, capture_output=True, env=environment, timeout=1200, stdin=subprocess.DEVNULL)
            line = json.loads(done.stdout)
            old = best.setdefault(ranks, line)
            best[ranks] = {key: min(old[key], value) for key, value in line.items()}
    lines = [best[ranks] for ranks in arguments.ranks]
    for line in lines:
        print(json.dumps(line))
    if arguments.plot:
        plot(lines, arguments.plot)


if __name__ == "__main__":
    main()
