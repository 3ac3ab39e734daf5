"""Holds the tree of dependencies to deny.toml: licences, bans, sources. Reads `cargo metadata --all-features` from stdin."""

import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Returns whether an SPDX expression can be met with these licences. `/` is an old way to write OR."""
    tokens = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ").split()

    def alternative() -> bool:
        met = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            # Both sides are read, whichever is met.
            met = conjunction() or met
        return met

    def conjunction() -> bool:
        met = licence()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = licence() and met
        return met

    def licence() -> bool:
        name = tokens.pop(0)
        if name == "(":
            met = alternative()
            assert tokens.pop(0) == ")", expression
            return met
        if tokens and tokens[0] == "WITH":
            name = " ".join([name, tokens.pop(0), tokens.pop(0)])
        return name in allowed

    met = alternative()
    assert not tokens, expression
    return met


def problems(deny: dict, packages: list[dict]) -> list[str]:
    """Returns what deny.toml refuses among these packages."""
    found = []
    allowed = set(deny["licenses"]["allow"])
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in deny["licenses"]["exceptions"]}
    banned = {entry["crate"]: entry["reason"] for entry in deny["bans"]["deny"]}
    for package in packages:
        name = package["name"]
        licence = package["license"]
        if licence is None or not is_allowed(licence, allowed | exceptions.get(name, set())):
            found.append(f"{name}: its licence is `{licence}`")
        if name in banned:
            found.append(f"{name}: {banned[name]}")
        source = package["source"]
        if source is not None and not source.startswith("registry+"):
            found.append(f"{name}: comes from `{source}`")
        if source is None:
            wild = [d["name"] for d in package["dependencies"] if d["req"] == "*" and d.get("path") is None]
            found += [f"{name}: depends on any version of {dependency}" for dependency in wild]
    names = {package["name"] for package in packages}
    found += [f"{name}: its exception is needed no more" for name in exceptions if name not in names]
    used = {name for package in packages for name in spdx_names(package["license"] or "")}
    found += [f"`{licence}` is allowed, but nothing has it" for licence in sorted(allowed - used)]
    return found


def spdx_names(expression: str) -> list[str]:
    """Returns the licences that an expression names."""
    plain = expression.replace("/", " OR ").replace("(", "").replace(")", "").replace(" AND ", " OR ")
    return [name.strip() for name in plain.split(" OR ")]


def self_test() -> None:
    """The little parser is the one thing here that could be wrong in silence."""
    for expression, expected in [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MIT/GPL-3.0-only", True),
        ("(GPL-3.0-only OR MIT) AND ISC", True),
        ("(GPL-3.0-only OR MIT) AND MPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ]:
        assert is_allowed(expression, {"MIT", "ISC"}) is expected, expression
    deny = {
        "licenses": {"allow": ["MIT"], "exceptions": []},
        "bans": {"deny": [{"crate": "banned", "reason": "no"}]},
    }
    package = {"license": "MIT", "source": "git+x", "dependencies": [], "name": "banned"}
    assert problems(deny, [package]) == ["banned: no", "banned: comes from `git+x`"]


if __name__ == "__main__":
    self_test()
    tree = json.load(sys.stdin)["packages"]
    refused = problems(tomllib.loads((ROOT / "deny.toml").read_text()), tree)
    print("\n".join(refused) or f"licences: {len(tree)} packages are as deny.toml wants them")
    sys.exit(bool(refused))
