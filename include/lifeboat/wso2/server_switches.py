"""Switches with which a server must not be started: they destroy what a recovery has just brought back.

`-Dsetup` runs the schema scripts and fills the databases anew; `--cleanRegistry` and the property behind it,
`carbon.registry.clean`, delete all of the registry (carbon-kernel, Utils.java and RegistryUtils.java);
`-Dmigrate` changes the databases' schema and data, and belongs into a migration alone.
"""

import re
from collections.abc import Iterator, Mapping

_SWITCH = re.compile(
    r"(?<![\w.-])(?P<switch>-Dsetup(?![\w.])|-{0,2}cleanRegistry\b|-Dcarbon\.registry\.clean(?![\w.])|"
    r"-Dmigrate(?![\w.]))(?!=(?:false|\"false\"))"
)
#: Where a script only asks for a switch or tells of it: messages, comparisons, branches of case.
_MENTION = re.compile(
    r"""^\s*(?:echo|printf)\b.* | (?:=|==|!=|=~)\s+["']?-{1,2}[\w.]+["']?\s*\] | ^\s*["']?-{1,2}[\w.|" '-]+\)""",
    re.VERBOSE,
)


def dangerous_switches(start_script: str | None, files: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Given the path of the start script, the texts of files by path, and the variables that a JVM takes options
    from, return each place with a dangerous switch, as `path:line: switch`.

    Every line of the start script and of files that are no scripts (units, environment files) counts; of other
    scripts only lines about the options of the JVM do: they may be tools that are run on purpose.
    """
    found = [
        f"{path}:{number}: {switch}"
        for path, text in files.items()
        for number, switch in _in_text(text, options_only=path.endswith(".sh") and path != start_script)
    ]
    found += [f"${name}: {match['switch']}" for name, value in environment.items() for match in _SWITCH.finditer(value)]
    return found


def _in_text(text: str, *, options_only: bool) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(("#", ";")):
            continue
        if options_only and "JAVA_OPT" not in line and "JDK_JAVA_OPTIONS" not in line:
            continue
        for match in _SWITCH.finditer(_MENTION.sub(" ", line)):
            yield number, match["switch"]
