# SPDX-License-Identifier: Apache-2.0
"""What the measuring programs write into docs/: a table of their own between its marks, and the machine's name."""
import platform
import re


def processor():
    name = platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            text = file.read()
    except OSError:
        return name
    found = re.search(r"model name\s*: (.*)", text)
    units = [label for flag, label in (("avx512f", "AVX-512"), ("avx512_vnni", "VNNI"), ("avx512_bf16", "BF16"), ("amx_bf16", "AMX"))
             if flag in text]
    return (found.group(1).strip() if found else name) + (f" ({', '.join(units)})" if units else "")


def write_table(page, name, table):
    """Replaces what stands between `<!-- table: NAME -->` and `<!-- end of table -->`."""
    text = page.read_text()
    begin = text.index(f"<!-- table: {name} -->\n") + len(f"<!-- table: {name} -->\n")
    page.write_text(text[:begin] + table + text[text.index("<!-- end of table -->", begin):])
