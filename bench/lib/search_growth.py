#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How graphs grow: bench/search's program, and hnswlib where asked, over more and more rows. Lines of JSON, and time over rows as SVG.

Rows beyond those that there are come from more_rows.py. A point of the plot is the least time of a query whose effort reached the recall."""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

from more_rows import write_rows

RECALL = 0.95
COLOURS = {"flat f32": "#72b7b2", "hnsw f32": "#4c78a8", "hnsw i8": "#54a24b"}


def lines_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def at_recall(lines):
    """(who, what) -> [(rows, least us with that recall, seconds to build)]"""
    points = {}
    for line in lines:
        if line["recall10"] >= RECALL:
            sizes = points.setdefault((line.get("peer", "tessera"), line["what"]), {})
            if line["n"] not in sizes or line["us_per_query"] < sizes[line["n"]][0]:
                sizes[line["n"]] = (line["us_per_query"], line["build_s"])
    return points


def plot(lines, path):
    left, top, width, height = 60, 40, 420, 320
    points = at_recall(lines)
    sizes = sorted({line["n"] for line in lines})
    least = min(time for series in points.values() for time, _ in series.values())
    decades = math.log10(max(time for series in points.values() for time, _ in series.values()) / least) + 0.1
    span = math.log10(max(sizes) / min(sizes)) or 1.0

    def place(rows, time):
        return left + width * math.log10(rows / sizes[0]) / span, top + height * (1 - math.log10(time / least) / decades)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 170}" height="{top + height + 50}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="18" font-size="13">Time of a query over rows, recall@10 from {RECALL} on (fastest = 1)</text>']
    for rows in sizes:
        x, _ = place(rows, least)
        out.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}" stroke="#ddd"/>'
                   f'<text x="{x:.1f}" y="{top + height + 16}" text-anchor="middle">{rows:,}</text>')
    for power in range(int(decades) + 1):
        _, y = place(sizes[0], least * 10 ** power)
        out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10 ** power}</text>')
    for i, ((who, what), series) in enumerate(sorted(points.items(), key=lambda item: (item[0][0] != "tessera", item[0]))):
        style = f'stroke="{COLOURS.get(what, "#888")}" stroke-width="2"' + ("" if who == "tessera" else ' stroke-dasharray="2 2"')
        places = [place(rows, time) for rows, (time, _) in sorted(series.items())]
        out.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" {style} fill="none"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOURS.get(what, "#888")}"/>' for x, y in places]
        y = top + 12 + 17 * i
        out.append(f'<line x1="{left + width + 14}" y1="{y - 4}" x2="{left + width + 40}" y2="{y - 4}" {style}/>'
                   f'<text x="{left + width + 46}" y="{y}">{who} {what}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "vectors", "queries", "threads", "metric", "sizes"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--plot")
    arguments = parser.parse_args()
    sizes = sorted(int(size) for size in arguments.sizes.split(","))
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        path, queries = os.path.join(folder, "rows.npy"), os.path.join(folder, "queries.npy")
        all_rows = os.path.join(folder, "all.npy")
        write_rows(np.load(arguments.vectors, mmap_mode="r"), sizes[-1], all_rows)
        everything = np.load(all_rows, mmap_mode="r")
        np.save(queries, np.load(arguments.queries)[:300])
        for size in sizes:
            np.save(path, everything[:size])
            if arguments.peer:
                peers = os.path.join(os.path.dirname(os.path.abspath(__file__)), "search_peers.py")
                lines += lines_of([sys.executable, peers, path, queries, arguments.threads, arguments.metric, "hnswlib"])
            lines += lines_of([arguments.program, path, queries, arguments.threads, "-", "hnsw f32", "hnsw i8"])
            for (who, what), series in at_recall(lines).items():
                if size in series:
                    time, build = series[size]
                    print(json.dumps({"peer": who, "what": what, "n": size, "recall": RECALL, "us_per_query": round(time, 2),
                                      "build_s": round(build, 2)}), flush=True)
    if arguments.plot:
        plot(lines, arguments.plot)


if __name__ == "__main__":
    main()
