"""The documents: every code block is one that runs, generated pages are current, and links lead on."""

import re
import runpy
from pathlib import Path

import pytest

import secant

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "docs", ROOT / "examples", ROOT / "benchmarks")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *(page for folder in FOLDERS for page in sorted(folder.rglob("[!_]*.md")))]
#: Languages of code blocks: two that are run, and one that is no code. Directives of Sphinx hold no code either.
LANGUAGES = {"python", "console", "text"}
DIRECTIVES = {"{toctree}", "{include}", "{eval-rst}", "{note}", "{warning}", "{math}", "{figure}", "{image}"}

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@each_document
def test_every_code_block_is_run_or_plainly_no_code(path: Path) -> None:
    fences = re.findall(r"^[ \t>]*(`{3,}|~{3,})[ \t]*(\S*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert {language for _, language in fences[::2]} <= LANGUAGES | DIRECTIVES
    assert {language for _, language in fences[1::2]} <= {""}


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_generated_pages_are_current() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "_generate.py"))["pages"]()
    assert pages
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run `make generate`"


def test_every_public_name_is_in_the_reference() -> None:
    named = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)$", text_of("docs/api.md"), re.MULTILINE))
    assert {name.removeprefix("secant.") for name in named} >= set(secant.__all__) - {"__version__"}


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = re.search(r"```{toctree}\n(.*?)```", text_of("docs/index.md"), re.DOTALL)
    assert contents is not None
    listed = {line for line in contents[1].splitlines() if line and not line.startswith(":")}
    assert listed == {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}


def test_one_version_everywhere() -> None:
    assert f"\nversion: {secant.__version__}\n" in text_of("CITATION.cff")
    assert re.search(
        rf"^## (Unreleased / )?\[?{re.escape(secant.__version__)}\b", text_of("CHANGELOG.md"), re.MULTILINE
    )


def test_torch_is_in_no_list_of_requirements() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"^torch", path.read_text(encoding="utf-8"), re.MULTILINE), path.name
