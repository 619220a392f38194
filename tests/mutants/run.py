#!/usr/bin/env python3
"""Do the tests notice when the rules are broken? `./tests/run mutants [NAME…]`

Builds each fault of list.toml by itself into a copy of the pure rooms (availability, sync, vocabulary, monitor), and runs
unit tests, laws and simulation until one of them fails. The copy is a crate of its own, which builds in seconds,
because these rooms use nothing else. It fails if the tests fail without a fault, if a fault is not found that the
list does not explain, or if one is found that the list says is not. `SIM_SEEDS` sets the number of simulated farms
for each fault.
"""
import os, re, shutil, subprocess, sys, time, tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "target" / "mutants"
CRATE = BASE / "crate"
ROOMS = ["availability", "sync", "vocabulary", "monitor"]
TESTS = ["laws", "simulation"]
SEEDS = os.environ.get("SIM_SEEDS", "600")
# A test that runs longer hangs: the fault is found.
PATIENCE = 300


def copy(folder, to):
    """Copies only what has changed, so that cargo builds only that."""
    for source in folder.rglob("*"):
        target = to / source.relative_to(folder)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for target in [path for path in to.rglob("*") if path.is_file()]:
        if not (folder / target.relative_to(to)).exists():
            target.unlink()


def rooms_of(text):
    """The rooms of the library that a file of the tests uses."""
    rooms = set()
    for used in re.findall(r"\bforewarn::(\{.*?\};|\w+)", text, re.DOTALL):
        while "{" in used[1:]:
            used = used[0] + re.sub(r"\{[^{}]*\}", "", used[1:])
        rooms.update(re.findall(r"(?:^|[{,])\s*(\w+)", used))
    return rooms


def leave_out(test):
    """Takes out the modules of a test that use other rooms: they try no rule."""
    main = CRATE / "tests" / test / "main.rs"
    for path in (CRATE / "tests" / test).glob("*.rs"):
        if path != main and not rooms_of(path.read_text()) <= set(ROOMS):
            print(f"left out: tests/{test}/{path.name}, which uses {', '.join(rooms_of(path.read_text()) - set(ROOMS))}")
            main.write_text(main.read_text().replace(f"mod {path.stem};\n", ""))


def make_crate():
    """The pure rooms as a crate with the same name, and the tests of their own."""
    for room in ROOMS:
        copy(ROOT / "src" / room, CRATE / "src" / room)
    for test in TESTS:
        copy(ROOT / "tests" / test, CRATE / "tests" / test)
        leave_out(test)
    (CRATE / "src" / "lib.rs").write_text("".join(f"pub mod {room};\n" for room in ROOMS))
    text = "\n".join(path.read_text() for path in CRATE.rglob("*.rs"))
    manifest = (ROOT / "Cargo.toml").read_text()
    with open(ROOT / "Cargo.toml", "rb") as file:
        tables = tomllib.load(file)
    names = {**tables["dependencies"], **tables["dev-dependencies"]}
    used = [name for name in names if re.search(rf"\b{name.replace('-', '_')}::", text)]
    lines = [line for line in manifest.splitlines() if any(re.match(rf"{name} *=", line) for name in used)]
    (CRATE / "Cargo.toml").write_text(
        '[package]\nname = "forewarn"\nversion = "0.0.0"\nedition = "2024"\n\n[lib]\ndoctest = false\n\n[workspace]\n\n'
        "[dependencies]\n" + "\n".join(dict.fromkeys(lines)) + "\n\n"
        "[profile.test]\nopt-level = 1\ndebug = false\n"
    )
    if not (CRATE / "Cargo.lock").exists():
        shutil.copyfile(ROOT / "Cargo.lock", CRATE / "Cargo.lock")


def cargo(*arguments, patience=PATIENCE):
    environment = {**os.environ, "SIM_SEEDS": SEEDS, "CARGO_TARGET_DIR": str(BASE / "target"), "RUSTFLAGS": "-Awarnings"}
    # As configured for the whole project: what it sets for `test` does not fit here.
    environment["CARGO_PROFILE_TEST_OPT_LEVEL"] = "1"
    command = ["nice", "-n", "5", "cargo", "test", "--quiet", *arguments]
    try:
        done = subprocess.run(command, cwd=CRATE, env=environment, timeout=patience, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return 1, "it hangs"
    return done.returncode, done.stdout + done.stderr


def attempt():
    """What notices the fault: the step and the first failing test or seed; None if nothing does."""
    code, said = cargo("--no-run", patience=None)
    if code:
        sys.exit(f"it does not build:\n{said[-4000:]}")
    for step, arguments in [("unit tests", ["--lib"]), ("laws", ["--test", "laws"]),
                            ("simulation", ["--test", "simulation"])]:
        code, said = cargo(*arguments)
        if code:
            seed = re.search(r"SIM_SEED=\d+", said)
            test = re.search(r"^---- (\S+)", said, re.MULTILINE)
            hint = seed.group() if seed else test.group(1) if test else said.strip().splitlines()[-1]
            return step, hint
    return None


def main(wanted):
    with open(Path(__file__).with_name("list.toml"), "rb") as file:
        mutants = tomllib.load(file)["mutant"]
    mutants = [mutant for mutant in mutants if not wanted or mutant["name"] in wanted]
    make_crate()
    found = attempt()
    if found:
        sys.exit(f"the tests fail without a fault: {found}")
    wrong = 0
    for mutant in mutants:
        file, began = Path(mutant["file"]), time.monotonic()
        source, target = ROOT / file, CRATE / file
        text = source.read_text()
        if text.count(mutant["find"]) != 1:
            sys.exit(f"{mutant['name']}: {file} has the text to replace {text.count(mutant['find'])} times, not once")
        target.write_text(text.replace(mutant["find"], mutant["replace"]))
        try:
            found = attempt()
        finally:
            target.write_text(text)
        expected = "survives" in mutant
        verdict = f"found by {found[0]}: {found[1]}" if found else "SURVIVES"
        if expected == bool(found):
            wrong += 1
            verdict += "  ← not as the list says"
        print(f"{mutant['name']:36} {time.monotonic() - began:5.0f} s  {verdict}", flush=True)
    print(f"{len(mutants)} faults, {wrong} not as the list says")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
