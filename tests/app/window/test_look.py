"""Nothing on the screen that cannot be translated, reached by keys, or told by a screen reader."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QLocale, QObject, QSettings, Qt, QTranslator
from PySide6.QtGui import QAccessible, QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QProgressBar,
    QScrollBar,
    QTabBar,
    QTabWidget,
    QWidget,
)

from app.language import translation as language
from app.window.preferences import dark_palette, is_dark, light_palette, restore_appearance
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import MakeWindow

_ROOT = Path(__file__).parents[3]

#: Calls that put words on the screen.
_SHOWN = {"setText", "setToolTip", "setStatusTip", "setWindowTitle", "setAccessibleName"}
_SHOWN |= {"setAccessibleDescription", "setPlaceholderText", "setTitle", "addAction", "addMenu"}
_SHOWN |= {"showMessage", "inform", "complain", "addTab", "addRow", "QLabel", "QPushButton"}
_SHOWN |= {"QCheckBox", "QRadioButton", "QToolButton", "QMenu", "QAction", "QGroupBox"}
_SHOWN |= {"addButton", "setInformativeText", "addItem"}

#: Names, which are the same everywhere, and formats.
_NAMES = {"Floe", " \N{EM DASH} Floe", "; ", " %p%"}


def test_no_words_are_shown_but_through_tr() -> None:
    found = []
    for path in (_ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else ""
                name = name or getattr(function, "id", "")
                if name in _SHOWN:
                    found += [f"{path.name}:{node.lineno}: {t!r}" for t in plain(node.args)]
    assert found == []


def plain(arguments: list[ast.expr]) -> Iterator[str]:
    """Literals with letters that no call translates."""
    waiting: list[ast.AST] = list(arguments)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            continue  # tr and translate, and whatever is judged by itself
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and re.search(r"[^\W\d_]", text) and text not in _NAMES:
            yield text
        waiting += ast.iter_child_nodes(node)


class Marking(QTranslator):
    """Puts every text that is translated into brackets: what has none was forgotten."""

    def translate(self, context: Any, source: Any, disambiguation: Any = None, n: int = -1) -> str:
        return f"⟦{source}⟧"

    def isEmpty(self) -> bool:
        return False


@pytest.fixture
def marking(qapp: Any) -> Iterator[None]:
    translator = Marking()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def filled(qtbot: Any, make_window: MakeWindow, backend: FakeBackend, path: Path) -> Window:
    backend.create(path)
    backend.archives[path] = {n: make_entry(n) for n in ("a.png", "b.png")}
    window = make_window()
    window.session.open(path)
    window.entries.selectRow(0)
    qtbot.waitUntil(lambda: len(window.details.comparison.known()) == 3)
    return window


def shown(window: QWidget) -> Iterator[tuple[str, str]]:
    """Every text of every widget and action, with where it stands."""
    objects: list[QObject] = [window, *window.findChildren(QObject)]
    for each in objects:
        place = type(each).__name__
        if isinstance(each, QAction):
            yield from ((place, t) for t in (each.text(), each.toolTip(), each.statusTip()))
        if isinstance(each, QWidget):
            yield place, each.toolTip()
            yield place, each.accessibleName()
            yield place, each.windowTitle()
        if isinstance(each, QLabel | QAbstractButton):
            yield place, each.text()
        if isinstance(each, QMenu):
            yield place, each.title()
        if isinstance(each, QLineEdit):
            yield place, each.placeholderText()
        if isinstance(each, QTabWidget):
            yield from ((place, each.tabText(i)) for i in range(each.count()))
        if isinstance(each, QComboBox):
            yield from ((place, each.itemText(i)) for i in range(each.count()))
        if isinstance(each, QAbstractItemView) and each.model() is not None:
            model = each.model()
            for column in range(model.columnCount()):
                for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
                    text = model.headerData(column, Qt.Orientation.Horizontal, role)
                    yield place, str(text or "")


#: Data: names of files, formats and programs, hashes, settings of codecs.
_DATA = r"\.png|\.floe|Floe|English|Deutsch|PNG|WebP|JPEG|lib|photo|fused|cpu|[0-9a-f]{16}|qt_"


def test_nothing_is_forgotten(
    qtbot: Any, marking: None, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    window = filled(qtbot, make_window, backend, tmp_path / "x.floe")
    plain_texts = [
        f"{place}: {text}"
        for place, text in shown(window)
        if re.search(r"[^\W\d_]{2}", text) and "⟦" not in text and not re.search(_DATA, text)
    ]
    assert sorted(set(plain_texts)) == []


def test_menus_have_different_keys(make_window: MakeWindow) -> None:
    for menu in make_window().menuBar().findChildren(QMenu):
        texts = [action.text() for action in menu.actions() if not action.isSeparator()]
        keys = [found[1].lower() for text in texts if (found := re.search(r"&(\w)", text))]
        assert [key for key, n in Counter(keys).items() if n > 1] == [], menu.title()


def test_no_shortcut_is_given_twice(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    window = filled(qtbot, make_window, backend, tmp_path / "x.floe")
    everywhere = Counter(
        shortcut.toString()
        for action in window.findChildren(QAction)
        if action.shortcutContext() is not Qt.ShortcutContext.WidgetShortcut
        for shortcut in action.shortcuts()
    )
    assert everywhere["Ctrl+Z"] == 1
    assert [keys for keys, n in everywhere.items() if n > 1] == []


def test_every_action_is_in_a_menu(make_window: MakeWindow) -> None:
    window = make_window()
    shown_in = {a for menu in window.menuBar().findChildren(QMenu) for a in menu.actions()}
    actions = [a for a in window.actions_.findChildren(QAction) if a not in shown_in]
    assert [action.text() for action in actions] == []


#: Parts that Qt puts into its own widgets, and speaks for.
_OF_QT = (QScrollBar, QHeaderView)


def test_every_control_has_a_name(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, tmp_path: Path
) -> None:
    window = filled(qtbot, make_window, backend, tmp_path / "x.floe")
    controls = (QAbstractButton, QComboBox, QLineEdit, QAbstractItemView, QAbstractSlider)
    seen, nameless = 0, []
    for each in window.findChildren(QWidget):
        parts = isinstance(each, _OF_QT) or isinstance(each.parent(), QLineEdit | QComboBox)
        if parts or not isinstance(each, (*controls, QProgressBar)):
            continue
        if each.objectName().startswith("qt_") or "Corner" in each.metaObject().className():
            continue
        if isinstance(each.parent(), QTabBar) or "Combo" in each.parent().metaObject().className():
            continue
        seen += 1
        told = QAccessible.queryAccessibleInterface(each).text(QAccessible.Text.Name)
        if not told:
            nameless.append(f"{type(each).__name__} of {type(each.parent()).__name__}")
    assert seen > 20
    assert nameless == [], nameless


def test_every_cell_has_words(
    qtbot: Any, make_window: MakeWindow, backend: FakeBackend, images: list[Path], tmp_path: Path
) -> None:
    window = filled(qtbot, make_window, backend, tmp_path / "x.floe")
    window.archive.add(images)
    qtbot.waitUntil(lambda: window.jobs_panel.model.rowCount() == 3)
    for model in (window.session.model, window.jobs_panel.model):
        assert model.rowCount() > 1
        for row in range(model.rowCount()):
            told = []
            for column in range(model.columnCount()):
                index = model.index(row, column)
                words = index.data(Qt.ItemDataRole.AccessibleTextRole)
                told.append(str(words or index.data(Qt.ItemDataRole.DisplayRole) or ""))
            assert told[0]
            assert sum(bool(text) for text in told) >= len(told) - 1, told


def clipped(window: QWidget) -> list[str]:
    """Texts that have less room than they ask for."""
    found = []
    for each in window.findChildren(QLabel) + window.findChildren(QAbstractButton):
        if (
            not each.isVisible()
            or not each.text()
            or (isinstance(each, QLabel) and each.wordWrap())
        ):
            continue
        asked = each.minimumSizeHint()
        if asked.width() > each.width() + 1 or asked.height() > each.height() + 1:
            found.append(f"{each.text()!r}: {each.size()} for {asked}")
    return found


@pytest.mark.parametrize("tab", range(5))
def test_no_text_is_clipped(
    qtbot: Any,
    make_window: MakeWindow,
    backend: FakeBackend,
    tmp_path: Path,
    german: None,
    tab: int,
) -> None:
    window = filled(qtbot, make_window, backend, tmp_path / "x.floe")
    window.details.setCurrentIndex(tab)
    qtbot.wait(20)
    assert window.details.count() == 5
    assert clipped(window) == []


_AT_200_PERCENT = """
import sys
from pathlib import Path
from dataclasses import fields
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from app.backend.executors import Executors
from app.backend.private_cache import PrivateCache
from tools.screenshots import pause
from app.window.window import Window
from tests.app.fake_backend import FakeBackend, make_entry
from tests.app.stand_ins import FakeDialogs, InlineExecutor
from tests.app.window.test_look import clipped
application, folder = QApplication([]), Path(sys.argv[1])
backend, path, inline = FakeBackend(), folder / "x.floe", InlineExecutor()
backend.create(path)
backend.archives[path] = {n: make_entry(n) for n in ("a.png", "b.png")}
settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
executors = Executors(*[inline] * len(fields(Executors)))
window = Window(backend, executors, FakeDialogs(folder), settings, PrivateCache(folder / "cache"))
window.resize(1280, 760)  # the screen is smaller: 400 pixels wide at this scale
window.show()
window.session.open(path)
window.entries.selectRow(0)
window.details.setCurrentWidget(window.details.codelength)
pause(100)
image = window.grab()
print(window.devicePixelRatioF(), image.width() == 2 * window.width(), clipped(window))
window.close()
"""


def test_at_200_percent(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AT_200_PERCENT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=_ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": "2"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "2.0 True []"


@pytest.fixture
def german(qapp: Any, settings: QSettings) -> Iterator[None]:
    before = QLocale()
    settings.setValue(language.KEY, "de")
    translators = language.install(qapp, settings)
    yield
    for translator in translators:
        qapp.removeTranslator(translator)
    QLocale.setDefault(before)


def test_dark_takes_effect_at_once_and_at_the_next_start(
    qtbot: Any, system_palette: None, make_window: MakeWindow, settings: QSettings
) -> None:
    window = make_window()
    light = window.grab().toImage()
    for _ in range(2):
        window.preferences.choose_appearance("dark")
        qtbot.wait(20)
        assert is_dark(window.palette())
        assert is_dark(window.entries.palette())
        assert window.grab().toImage() != light
        window.preferences.choose_appearance("")
        qtbot.wait(20)
        assert not is_dark(window.palette())
    settings.setValue("window/appearance", "dark")
    restore_appearance(settings)
    assert is_dark(make_window().palette())
    settings.setValue("window/appearance", "purple")  # damaged: as none
    restore_appearance(settings)
    assert not is_dark(make_window().palette())


def test_light_where_the_desktop_is_dark(system_palette: None, settings: QSettings) -> None:
    assert is_dark(dark_palette())
    assert not is_dark(light_palette())
    QApplication.setPalette(dark_palette())
    settings.setValue("window/appearance", "light")
    restore_appearance(settings)
    assert not is_dark(QApplication.palette())


def test_the_first_known_language_of_the_system(
    settings: QSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class System:
        def __init__(self, names: tuple[str, ...]) -> None:
            self._names = names

        def uiLanguages(self) -> list[str]:
            return list(self._names)

    for names, code in ((("de-AT", "de"), "de"), (("fr-FR", "de-DE"), "de"), (("fr",), "en")):
        monkeypatch.setattr(QLocale, "system", lambda names=names: System(names))
        assert language.chosen(settings) == code
