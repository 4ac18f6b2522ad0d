"""The linker: what it joins runs as the modules would, and what it cannot join it names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clownviz.front.link import FRONT, LinkError, link, stylesheet

ENTRIES = ["explorer.js", "page.js", "dashboard.js"]


@pytest.fixture
def write(tmp_path):
    def written(**files: str) -> Path:
        for name, source in files.items():
            stem, _, suffix = name.rpartition("_")
            (tmp_path / f"{stem}.{suffix}").write_text(source, encoding="utf-8")
        return tmp_path

    return written


def run(text: str, expression: str) -> object:
    """What an expression over `m`, the joined module, gives in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node on this machine; only these checks need it")
    script = f"""
        const url = "data:text/javascript," + encodeURIComponent({json.dumps(text)});
        import(url).then((m) => console.log(JSON.stringify({expression})));
    """
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_names_of_one_module_are_invisible_to_the_others(write):
    folder = write(
        main_js='import { a } from "./a.js";\nconst own = "main";\n'
        "export const all = [own, a(), typeof hidden];\n",
        a_js='const own = "a";\nconst hidden = 1;\n'
        "export function a() {\n  return own + hidden;\n}\n",
    )
    assert run(link("main.js", folder), "m.all") == ["main", "a1", "undefined"]


def test_every_plain_form_of_import_and_export(write):
    folder = write(
        main_js='import first, { b as bee, C } from "./a.js";\nimport * as whole from "./a.js";\n'
        'import data from "./d.json" with { type: "json" };\n'
        "const list = [first, bee, new C().x, whole.b, data.n];\nexport { list as all };\n"
        "export default list;\n",
        a_js="export const b = 2;\nexport class C {\n  x = 3;\n}\nconst one = 1;\n"
        "export default one;\n",
        d_json='{"n": "</script> é"}',
    )
    assert run(link("main.js", folder), "[m.all, m.default === m.all]") == [
        [1, 2, 3, 2, "</script> é"],
        True,
    ]


def test_a_module_that_two_others_need_is_there_once(write):
    folder = write(
        main_js='import { x } from "./x.js";\nimport { y } from "./y.js";\n'
        "export const same = x === y;\n",
        x_js='import { o } from "./o.js";\nexport const x = o;\n',
        y_js='import {\n  o,\n} from "./o.js";\nexport const y = o;\n',
        o_js="export const o = {};\n",
    )
    text = link("main.js", folder)
    assert text.count("const o = {}") == 1
    assert run(text, "m.same") is True


def test_comments_are_left_out_and_strings_stay(write):
    folder = write(main_js="/** import a from b */\n// export\nexport const s = '/* // */';\n")
    assert run(link("main.js", folder), "m.s") == "/* // */"
    assert "import a" not in link("main.js", folder)


@pytest.mark.parametrize(
    "files, told",
    [
        ({"main_js": 'import "./gone.js";\n'}, r"no file gone\.js, which main\.js imports"),
        (
            {"main_js": 'import "./a.js";\n', "a_js": 'import "./main.js";\n'},
            "main.js → a.js → main.js",
        ),
        (
            {"main_js": 'import { y } from "./a.js";\n', "a_js": "export const x = 1;\n"},
            r"main\.js imports 'y' from a\.js, which exports x",
        ),
        (
            {"main_js": 'import d from "./a.js";\n', "a_js": "export const x = 1;\n"},
            "imports 'default'",
        ),
        ({"main_js": 'import x from "lodash";\n'}, "only relative files"),
        ({"main_js": 'const x = import("./a.js");\n'}, "cannot be joined"),
        ({"main_js": 'export * from "./a.js";\n'}, "cannot be joined"),
        ({"main_js": "export let x = 1;\n"}, "cannot be joined"),
        ({"main_js": '  import x from "./a.js";\n'}, "cannot be joined"),
        ({"main_js": "export default function () {}\n"}, "name of its own"),
    ],
)
def test_what_cannot_be_joined_is_named(write, files, told):
    with pytest.raises(LinkError, match=told):
        link("main.js", write(**files))


def test_a_missing_entry_is_named():
    with pytest.raises(LinkError, match=r"no file nothing\.js"):
        link("nothing.js")


@pytest.mark.parametrize("entry", [name for name in ENTRIES if (FRONT / name).exists()])
def test_our_own_entries_are_one_text_that_loads(entry):
    text = link(entry)
    assert not re.search(r"^\s*import\b", text, re.M)
    assert "</script" not in text
    assert len(text) < 120_000, "a widget's text is sent once for every instance"
    if entry != "page.js":  # a page's module starts at once and needs a document
        assert run(text, "typeof m.default.render") == "function"


def test_no_name_from_a_model_can_become_markup():
    for path in FRONT.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", source)


def test_a_style_sheet_has_no_comments():
    assert "/*" not in stylesheet("explorer.css")


def test_styles_take_their_colours_from_the_look():
    for path in FRONT.glob("*.css"):
        rules = stylesheet(path.name)
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsl", rules), path.name
        known = set(re.findall(r"--cv-[\w-]+(?=:)", rules)) | _look_names()
        used = set(re.findall(r"var\((--cv-[\w-]+)", rules))
        scripts = "".join(p.read_text(encoding="utf-8") for p in FRONT.glob("*.js"))
        unknown = {name for name in used - known if f'"{name}"' not in scripts}
        assert unknown == set(), path.name


def _look_names() -> set[str]:
    from clownviz import look

    return set(re.findall(r"--cv-[\w-]+(?=:)", look.css()))
