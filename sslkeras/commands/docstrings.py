"""Takes a docstring apart, so that each argument's words stand beside its default and range."""

import inspect
import re


def split_arguments(doc: str) -> tuple[str, dict]:
    """Separates the section "Args:" from the rest of a docstring.

    Args:
        doc: As `inspect.getdoc` gives it.

    Returns:
        The docstring without that section, and the text of each argument by its name.
    """
    lines = doc.splitlines()
    if "Args:" not in lines:
        return doc, {}
    start = lines.index("Args:")
    end = start + 1
    while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
        end += 1
    section = inspect.cleandoc("\n".join(lines[start + 1 : end]))
    arguments, name = {}, None
    for line in section.splitlines():
        heading = re.match(r"(\w+): *(.*)", line)
        if heading:
            name = heading[1]
            arguments[name] = heading[2]
        elif name is not None:
            arguments[name] += " " + line.strip()
    rest = "\n".join(lines[:start]).rstrip() + "\n\n" + "\n".join(lines[end:])
    return rest.strip(), {name: text.strip() for name, text in arguments.items()}


def of_module(loaded) -> str:
    """The docstring of the module that defines `loaded`, "none" if there is none."""
    return inspect.getdoc(inspect.getmodule(loaded)) or "none"
