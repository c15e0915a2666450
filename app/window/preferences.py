"""Preferences: the language of the window, and light or dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtGui import QActionGroup, QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.language.translation import KEY, LANGUAGES
from app.widgets.colours import readable_highlight

_APPEARANCE = "window/appearance"
_SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


def restore_appearance(settings: QSettings) -> None:
    """Set light or dark as chosen, or as the system has it."""
    name = str(settings.value(_APPEARANCE, ""))
    QGuiApplication.styleHints().setColorScheme(_SCHEMES.get(name, Qt.ColorScheme.Unknown))
    QApplication.setPalette(QPalette())  # that of the desktop
    # Not every desktop supports this.
    palette = QPalette()  # it sets nothing, so that all else still follows the desktop
    if name in _SCHEMES and is_dark(QGuiApplication.palette()) != (name == "dark"):
        palette = dark_palette() if name == "dark" else light_palette()
        QApplication.setPalette(palette)
    palette.setColor(QPalette.ColorRole.Highlight, readable_highlight(QGuiApplication.palette()))
    QApplication.setPalette(palette)


class Preferences(QObject):
    """Two menus with one choice each."""

    def __init__(self, settings: QSettings, inform: Callable[[str], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._settings, self._inform = settings, inform
        self.language = self._menu(
            self.tr("&Language"), {"": self.tr("&System"), **LANGUAGES}, KEY, self._on_language
        )
        appearances = {"": self.tr("&System"), "light": self.tr("L&ight"), "dark": self.tr("&Dark")}
        self.appearance = self._menu(
            self.tr("&Appearance"), appearances, _APPEARANCE, self._on_appearance
        )

    def _menu(
        self, title: str, choices: Mapping[str, str], key: str, chosen: Callable[[], None]
    ) -> QMenu:
        parent = self.parent()
        assert isinstance(parent, QWidget)
        menu = QMenu(title, parent)
        group = QActionGroup(menu)
        for value, words in choices.items():
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setData((key, value))
            action.setChecked(str(self._settings.value(key, "")) == value)
            group.addAction(action)
        group.triggered.connect(self._on_chosen)
        group.triggered.connect(chosen)
        return menu

    def _on_chosen(self, action: object) -> None:
        key, value = action.data()  # type: ignore[attr-defined]
        self._settings.setValue(key, value)

    def _on_language(self) -> None:
        self._inform(self.tr("The language changes when Floe is started again."))

    def choose_appearance(self, name: str) -> None:
        """Choose ``light``, ``dark``, or "" for the system's, as in the menu."""
        for action in self.appearance.actions():
            if action.data()[1] == name:
                action.trigger()

    def _on_appearance(self) -> None:
        restore_appearance(self._settings)


def is_dark(palette: QPalette) -> bool:
    """Whether text is lighter than its background."""
    text = palette.color(QPalette.ColorRole.WindowText)
    return text.lightness() > palette.color(QPalette.ColorRole.Window).lightness()


def dark_palette() -> QPalette:
    """A palette like those of desktops in dark mode."""
    palette = QPalette(QColor(53, 54, 58), QColor(38, 39, 42))
    palette.setColor(QPalette.ColorRole.Base, QColor(30, 31, 33))
    palette.setColor(QPalette.ColorRole.AlternateBase, QColor(35, 36, 39))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(61, 142, 201))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor(255, 255, 255))
    palette.setColor(QPalette.ColorRole.ToolTipBase, QColor(66, 68, 73))  # Qt's default is cream
    palette.setColor(QPalette.ColorRole.ToolTipText, QColor(255, 255, 255))
    return palette


def light_palette() -> QPalette:
    """A palette like those of desktops in light mode."""
    palette = QPalette(QColor(239, 239, 239), QColor(239, 239, 239))
    palette.setColor(QPalette.ColorRole.Base, QColor(255, 255, 255))
    palette.setColor(QPalette.ColorRole.AlternateBase, QColor(247, 247, 247))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(48, 140, 198))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor(255, 255, 255))
    return palette
