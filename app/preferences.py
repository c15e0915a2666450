"""What a person chooses once: the language of the window, and light or dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtGui import QActionGroup, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from app.language import KEY, LANGUAGES

_APPEARANCE = "window/appearance"
_SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


def restore_appearance(settings: QSettings) -> None:
    """Light or dark as it was chosen; as the system is where nothing was."""
    scheme = _SCHEMES.get(str(settings.value(_APPEARANCE, "")), Qt.ColorScheme.Unknown)
    QGuiApplication.styleHints().setColorScheme(scheme)


class Preferences(QObject):
    """Two menus, each with one choice."""

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
        self._inform(self.tr("Floe speaks the other language when it is started again."))

    def _on_appearance(self) -> None:
        restore_appearance(self._settings)
