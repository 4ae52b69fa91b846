"""What an installed distribution says it needs, beside what is there.

Read from the metadata of what is installed, so that no second list of versions exists.
Nothing is imported.
"""

import dataclasses
import importlib.metadata
import platform


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One thing that a distribution needs."""

    name: str
    wanted: str  # A version specifier, e.g. "<2.16,>=2.15"; "" for any version.
    have: str | None  # The installed version; None if it is not installed.
    fits: bool

    @property
    def missing(self) -> bool:
        return self.have is None

    @property
    def pip(self) -> str:
        """How pip is asked for it."""
        return f"pip install '{self.name}{self.wanted}'"

    def __str__(self):
        return f"{self.name}{self.wanted}"


def installed(name: str) -> str | None:
    """The version of a distribution, or None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def of(distribution: str, extra: str = "") -> list[Requirement]:
    """What `distribution` needs here.

    Args:
        distribution: Its name.
        extra: Name of an extra, to get only what that one adds.

    Returns:
        One for each requirement whose marker holds; none if the distribution or the module
        `packaging`, which TensorFlow brings, is not installed.
    """
    try:
        from packaging.requirements import InvalidRequirement
        from packaging.requirements import Requirement as Parsed

        lines = importlib.metadata.requires(distribution) or []
    except ModuleNotFoundError:  # PackageNotFoundError is one, too.
        return []
    found = []
    for line in lines:
        try:
            parsed = Parsed(line)
        except InvalidRequirement:
            continue
        always = parsed.marker is None or parsed.marker.evaluate({"extra": ""})
        if extra and (always or not parsed.marker.evaluate({"extra": extra})):
            continue
        if always or extra:
            have = installed(parsed.name)
            fits = have is not None and parsed.specifier.contains(have, prereleases=True)
            # ">=2.15,<2.16" reads better than the other way round.
            wanted = ",".join(sorted(map(str, parsed.specifier), reverse=True))
            found.append(Requirement(parsed.name, wanted, have, fits))
    return found


def python_for(distribution: str) -> Requirement:
    """The Python that `distribution` needs, beside the one that runs."""
    from packaging.specifiers import SpecifierSet

    wanted = importlib.metadata.metadata(distribution)["Requires-Python"] or ""
    have = platform.python_version()
    fits = SpecifierSet(wanted).contains(have, prereleases=True)
    return Requirement("Python ", wanted, have, fits)
