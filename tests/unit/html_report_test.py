"""The pages of all sample comparisons, through real parsers: well-formed, harmless, complete in themselves, legible.

usage: html_report_test.py RENDER_COMPARISONS
"""
import base64
import hashlib
import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata
import unittest
import xml.etree.ElementTree

PAGE_BYTES_MAX = 1_000_000
VOID = {"meta", "br", "img", "line", "rect", "circle", "path"}
# Of elements and attributes that the page has: foreign text may add none.
ELEMENTS = set("html head meta title style body script a header p h1 h2 h3 h4 div span strong code br dl dt dd nav ul li main section figure "
               "figcaption svg desc rect line path circle text table caption thead tbody tfoot tr th td details summary img ins del "
               "footer".split())
ATTRIBUTES = set("lang charset http-equiv content name class href id aria-label aria-labelledby aria-describedby role tabindex viewBox "
                 "x y x1 x2 y1 y2 width height cx cy r d text-anchor scope colspan data-value data-label src alt".split())
RENDER = sys.argv.pop(1) if len(sys.argv) > 1 else ""


class Reader(html.parser.HTMLParser):
    """Elements of a page as an HTML parser sees them: (name, attributes), and the text of those that need checks."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], {}, []
        self.feed(page)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID, tag
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, tag

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """WCAG 2.2's ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class HtmlReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([RENDER, folder], check=True)
            cls.bytes = {path.stem: path.read_bytes() for path in pathlib.Path(folder).glob("*.html")}
            cls.texts = {path.stem: path.read_text("utf-8") for path in pathlib.Path(folder).glob("*.txt")}
        cls.pages = {name: content.decode("utf-8") for name, content in cls.bytes.items()}
        cls.readers = {name: Reader(page) for name, page in cls.pages.items()}

    def test_pages_are_well_formed_for_a_parser_of_xml_too(self):
        for name, page in self.pages.items():
            with self.subTest(page=name):
                root = xml.etree.ElementTree.fromstring(page.split("\n", 1)[1])
                self.assertEqual(root.tag, "html")

    def test_foreign_text_adds_no_element_and_no_attribute(self):
        for reader in self.readers.values():
            for tag, attributes in reader.elements:
                self.assertIn(tag, ELEMENTS)
                self.assertLessEqual({key for key in attributes}, {key.lower() for key in ATTRIBUTES})
            self.assertEqual(len(reader.all("script")), 1)
            self.assertEqual(len(reader.all("style")), 1)

    def test_no_control_character_is_left(self):
        for name, page in self.pages.items():
            with self.subTest(page=name):
                found = {c for c in page if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"}
                self.assertEqual(found, set())

    def test_nothing_is_loaded_from_elsewhere(self):
        for reader in self.readers.values():
            self.assertTrue(all(a["href"].startswith("#") for a in reader.all("a")))
            self.assertTrue(all(image["src"].startswith("data:image/png;base64,") for image in reader.all("img")))
            self.assertNotRegex("".join(reader.texts["style"]), r"url\(|@import|@font-face")

    def test_the_policy_names_the_style_and_the_script_by_their_hashes(self):
        for reader in self.readers.values():
            policy = next(m["content"] for m in reader.all("meta") if "http-equiv" in m)
            self.assertTrue(policy.startswith("default-src 'none'; img-src data:; "))
            for tag in ("style", "script"):
                digest = base64.b64encode(hashlib.sha256("".join(reader.texts[tag]).encode()).digest()).decode()
                self.assertIn(f"{tag}-src 'sha256-{digest}'", policy)

    def test_links_and_labels_lead_somewhere(self):
        for reader in self.readers.values():
            ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
            self.assertEqual(len(ids), len(set(ids)))
            for _, attributes in reader.elements:
                for key in ("aria-labelledby", "aria-describedby"):
                    self.assertTrue(key not in attributes or attributes[key] in ids, attributes)
            self.assertLessEqual({a["href"][1:] for a in reader.all("a")}, set(ids))

    def test_a_page_is_small(self):
        for name, content in self.bytes.items():
            with self.subTest(page=name):
                self.assertLess(len(content), PAGE_BYTES_MAX)

    def test_drawings_have_a_title_and_numbers_only(self):
        for name, page in self.pages.items():
            with self.subTest(page=name):
                root = xml.etree.ElementTree.fromstring(page.split("\n", 1)[1])
                for svg in root.iter("svg"):
                    self.assertEqual(svg.get("role"), "img")
                    self.assertEqual(svg[0].tag, "title")
                    self.assertTrue(svg[0].text)
                    for element in svg.iter():
                        for key in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"):
                            self.assertTrue(element.get(key) is None or re.fullmatch(r"-?\d+(\.\d)?", element.get(key)))
                        self.assertTrue(element.get("d") is None or re.fullmatch(r"[MLZ\d. -]+", element.get("d")))

    def test_tables_have_captions_and_scopes(self):
        for reader in self.readers.values():
            self.assertTrue(all(th.get("scope") in ("col", "row") for th in reader.all("th")))
            captions = len(reader.all("caption"))
            self.assertEqual(captions, len(reader.all("table")))

    def test_headings_are_in_order(self):
        for reader in self.readers.values():
            levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch(r"h[1-6]", tag)]
            self.assertEqual(levels[0], 1)
            self.assertEqual(levels.count(1), 1)
            self.assertTrue(all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels)

    def test_landmarks(self):
        for reader in self.readers.values():
            for tag in ("header", "nav", "main", "footer"):
                self.assertEqual(len(reader.all(tag)), 1, tag)

    def test_the_palette_has_contrast(self):
        style = "".join(self.readers["speech"].texts["style"])
        palettes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)]
        self.assertEqual(len(palettes), 2)
        for palette in palettes:
            for ink in ("ink", "muted", "a", "b", "bad"):
                for ground in ("paper", "surface"):
                    self.assertGreaterEqual(contrast(palette[ink], palette[ground]), 4.5, f"{ink} on {ground}")
            for ground in ("a-soft", "b-soft", "bad-soft"):
                self.assertGreaterEqual(contrast(palette["ink"], palette[ground]), 4.5, ground)
            self.assertGreaterEqual(contrast(palette["bad"], palette["bad-soft"]), 4.5)

    def test_text_reports_fit_a_terminal_of_80_columns(self):
        for name, text in self.texts.items():
            with self.subTest(text=name):
                for line in text.splitlines():
                    width = sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in line)
                    self.assertLessEqual(width, 80, line)


if __name__ == "__main__":
    unittest.main()
