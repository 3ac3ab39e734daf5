"""Prints the last results of the benches `decode` and `profiles` as ratios to one of their contestants.

    python3 benches/ratios.py                                  # against memcpy
    python3 benches/ratios.py 'serde_json Vec<String>, StringArray'

Groups without that contestant are left out.

Criterion keeps old results: remove target/criterion before a run that is to be quoted.
"""

import json
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent / "target" / "criterion"


def read():
    """Returns the contestants of each group: name, median seconds of an iteration, its bytes, its rows."""
    groups = {}
    for path in RESULTS.glob("*/*/new/estimates.json"):
        bench = json.loads(path.with_name("benchmark.json").read_text())
        seconds = json.loads(path.read_text())["median"]["point_estimate"] / 1e9
        size = bench["throughput"]["ElementsAndBytes"]
        group = groups.setdefault(bench["group_id"], [])
        group.append((bench["function_id"], seconds, size["bytes"], size["elements"]))
    return groups


def main():
    against = sys.argv[1] if len(sys.argv) > 1 else "memcpy"
    groups = read()
    if not groups:
        sys.exit(f"no results under {RESULTS}: run `cargo bench --package fanout-benches --bench decode`")
    names = {contestant for contestants in groups.values() for contestant, _, _, _ in contestants}
    if against not in names:
        sys.exit(f"no contestant `{against}`, only: {', '.join(sorted(names))}")
    for name, contestants in sorted(groups.items()):
        contestants.sort(key=lambda contestant: contestant[1])
        unit = next((seconds for contestant, seconds, _, _ in contestants if contestant == against), None)
        if unit is None:
            continue
        print(f"{name:<38} {'µs':>10} {'GB/s':>7} {'M rows/s':>12} {'time / its':>11} {'speed / its':>12}")
        for contestant, seconds, size, openids in contestants:
            print(
                f"  {contestant:<36} {seconds * 1e6:10.1f} {size / seconds / 1e9:7.2f} {openids / seconds / 1e6:12.1f}"
                f" {seconds / unit:11.2f} {unit / seconds:12.2f}"
            )
    print(f"\n`its`: of {against}")


if __name__ == "__main__":
    main()
