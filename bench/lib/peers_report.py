# SPDX-License-Identifier: Apache-2.0
"""What bench/peers measured, as ratios: its table in docs/benchmarks.md, and docs/peers.svg."""
import datetime

from report import processor, write_table

WORKLOADS = {"b1s16": "one text of 16 tokens", "b1s128": "one text of 128 tokens", "b32": "32 texts of mixed length"}
COLOURS = {"f32": "#4c78a8", "bf16": "#f58518", "i8": "#54a24b"}


def kind(precision):
    """The class that a peer's name for a precision belongs to."""
    return {"float32": "f32", "bfloat16": "bf16"}.get(precision, "i8" if "8" in precision else precision)


def table(lines):
    by_key = {}
    for line in lines:
        by_key.setdefault((line["peer"], line["precision"]), {})[line["workload"]] = line
    ours = {precision: row for (peer, precision), row in by_key.items() if peer == "tessera"}
    out = [f"One thread of {processor()}, {datetime.date.today()}; medians of calls taken in turn. A peer's number is its time divided by",
           "ours in the same precision, so above 1 we are faster; `limit`, likewise, is the time to read the layers' weights once, or that of",
           "their multiply-adds in registers where that is longer.", "",
           "| | precision | " + " | ".join(WORKLOADS.values()) + " | least cosine with torch's f32 |",
           "| --- | --- |" + " --- |" * (len(WORKLOADS) + 1)]
    for (peer, precision), row in sorted(by_key.items(), key=lambda item: (list(COLOURS).index(kind(item[0][1])), item[0][0] == "limit")):
        own = ours.get(kind(precision))
        cells = [f"{row[name]['ms'] / own[name]['ms']:.2f}" if own and name in row else "" for name in WORKLOADS]
        cosines = [line["min_cos"] for line in row.values() if "min_cos" in line]
        name = f"**{peer}**" if peer == "tessera" else peer
        out.append(f"| {name} | {precision} | " + " | ".join(cells) + f" | {min(cosines):.5f} |" if cosines else
                   f"| {name} | {precision} | " + " | ".join(cells) + " | |")
    return "\n".join(out) + "\n"


def plot(lines):
    """Bars of time, the longest of each workload filling its panel."""
    panel, bar, top = 300, 16, 44
    lines = [line for line in lines if line["peer"] != "limit"]
    rows = max(sum(line["workload"] == name for line in lines) for name in WORKLOADS)
    height = top + rows * bar + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(WORKLOADS) * panel + 10}" height="{height}" font-family="sans-serif" font-size="10">',
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="14" font-size="12">Time of one call, by workload: shorter is faster; the number is the time over the fastest of the panel</text>']
    for column, (name, title) in enumerate(WORKLOADS.items()):
        x = 10 + column * panel
        mine = sorted((line for line in lines if line["workload"] == name), key=lambda line: line["ms"])
        out.append(f'<text x="{x}" y="{top - 10}" font-weight="bold">{title}</text>')
        for i, line in enumerate(mine):
            y = top + i * bar
            width = max(1.0, 110 * line["ms"] / mine[-1]["ms"])
            weight = ' font-weight="bold"' if line["peer"] == "tessera" else ""
            out.append(f'<text x="{x}" y="{y + 11}"{weight}>{line["peer"]} {line["precision"]}</text>')
            out.append(f'<rect x="{x + 135}" y="{y + 2}" width="{width:.1f}" height="{bar - 5}" fill="{COLOURS[kind(line["precision"])]}"'
                       + ("" if line["peer"] == "tessera" else ' fill-opacity="0.55"') + "/>")
            out.append(f'<text x="{x + 139 + width:.1f}" y="{y + 11}">{line["ms"] / mine[0]["ms"]:.1f}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def write(folder, lines):
    write_table(folder / "benchmarks.md", "bench/peers", table(lines))
    (folder / "peers.svg").write_text(plot(lines))
