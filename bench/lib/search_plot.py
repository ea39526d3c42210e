#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time over recall from bench/search's lines, as SVG: search_plot.py LINES.jsonl OUT.svg

Times are shown as multiples of the fastest point drawn, since they are this machine's."""
import json
import math
import sys

if len(sys.argv) != 3:
    sys.exit(__doc__)
COLOURS = {"hnsw f32": "#4c78a8", "hnsw i8": "#54a24b", "hnsw b1 + f32": "#b279a2", "1-bit + f32": "#f58518", "certified exact i8": "#e45756",
           "flat f32": "#72b7b2", "flat f16": "#9ecae9", "flat i8": "#88d27a", "flat i4": "#d6a5c9", "hnsw bf16": "#9d755d"}
LEFT, TOP, WIDTH, HEIGHT = 60, 40, 560, 360
RECALLS = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 1.0)

with open(sys.argv[1], encoding="utf-8") as file:
    lines = [json.loads(text) for text in file if text.startswith("{")]
lines = [line for line in lines if line["recall10"] >= RECALLS[0] and "at once" not in line["what"]]
if not lines:
    sys.exit("no line of recall 0.9 or more")
fastest = min(line["us_per_query"] for line in lines)
decades = math.log10(max(line["us_per_query"] for line in lines) / fastest) + 0.1


def across(recall):
    """Misses by their logarithm; one in a thousand and fewer stand at the right end."""
    return LEFT + WIDTH * math.log(max(1 - recall, 0.001) / 0.1) / math.log(0.001 / 0.1)


def down(time):
    return TOP + HEIGHT * (1 - math.log10(time / fastest) / decades)


out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 190}" height="{TOP + HEIGHT + 50}" font-family="sans-serif" font-size="11">',
       '<rect width="100%" height="100%" fill="white"/>',
       f'<text x="{LEFT}" y="18" font-size="13">Time of a query over recall@10, {lines[0]["n"]:,} rows of {lines[0]["dim"]}: lower is faster</text>']
for recall in RECALLS:
    x = across(recall)
    out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" stroke="#ddd"/>')
    if recall != 0.998:
        out.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{recall if recall < 1 else "1"}</text>')
for multiple in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
    if math.log10(multiple) <= decades:
        y = down(multiple * fastest)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{multiple}</text>')
series = {}
for line in lines:
    series.setdefault((line.get("peer", "tessera"), line["what"]), []).append(line)
for i, ((who, what), points) in enumerate(sorted(series.items(), key=lambda item: (item[0][0] != "tessera", item[0]))):
    colour, dashes = COLOURS.get(what, "#888"), "" if who == "tessera" else {"faiss": "7 3", "hnswlib": "2 2"}.get(who, "1 4")
    places = [(across(p["recall10"]), down(p["us_per_query"])) for p in sorted(points, key=lambda p: p["us_per_query"])]
    style = f'stroke="{colour}" stroke-width="{2 if not dashes else 1.3}" stroke-dasharray="{dashes}" fill="none"'
    out.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" {style}/>')
    if not dashes:
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in places]
    else:
        out += [f'<rect x="{x - 2:.1f}" y="{y - 2:.1f}" width="4" height="4" fill="{colour}"/>' for x, y in places]
    y = TOP + 12 + 17 * i
    out.append(f'<line x1="{LEFT + WIDTH + 14}" y1="{y - 4}" x2="{LEFT + WIDTH + 40}" y2="{y - 4}" {style}/>')
    out.append(f'<text x="{LEFT + WIDTH + 46}" y="{y}"{"" if dashes else " font-weight=" + chr(34) + "bold" + chr(34)}>{who} {what}</text>')
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write("\n".join(out + ["</svg>"]) + "\n")
