"""The layout of the main window: menus, tool bar, and the parts in its centre."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QMenu,
    QMenuBar,
    QSizePolicy,
    QSplitter,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.panel import JobsPanel
from app.language.translation import tr
from app.widgets.actions import Actions


class Menus(NamedTuple):
    """Menus inside the menu bar that are filled elsewhere."""

    recent: QMenu
    columns: QMenu
    language: QMenu
    appearance: QMenu


def fill_menus(bar: QMenuBar, actions: Actions, menus: Menus) -> None:
    """Fill the menu bar."""
    archive = bar.addMenu(tr("&Archive"))
    archive.addActions([actions.new, actions.open])
    archive.addMenu(menus.recent)
    archive.addSeparator()
    archive.addActions([actions.add_files, actions.add_folder, actions.discard_originals])
    archive.addSeparator()
    archive.addActions([actions.extract, actions.extract_all, actions.verify])
    archive.addSeparator()
    archive.addActions([actions.export_csv, actions.export_html, actions.export_panel])
    archive.addSeparator()
    archive.addActions([actions.close, actions.quit])
    edit = bar.addMenu(tr("&Edit"))
    edit.addActions([actions.undo, actions.redo])
    edit.addSeparator()
    edit.addActions([actions.copy, actions.paste, actions.copy_table])
    edit.addSeparator()
    edit.addActions([actions.new_folder, actions.rename, actions.move, actions.remove])
    edit.addSeparator()
    edit.addActions([actions.select_all, actions.find, actions.properties])
    view = bar.addMenu(tr("&View"))
    view.addActions(
        [
            *(actions.view, actions.open_folder, actions.up),
            *(actions.tiles, actions.zoom_in, actions.zoom_out),
        ]
    )
    view.addSeparator()
    view.addAction(actions.details)
    view.addMenu(menus.columns)
    view.addSeparator()
    view.addMenu(menus.language)
    view.addMenu(menus.appearance)
    jobs = bar.addMenu(tr("&Jobs"))
    jobs.addActions([actions.pause, actions.cancel, actions.cancel_all])
    jobs.addSeparator()
    jobs.addActions([actions.retry, actions.copy_errors, actions.clear_jobs])
    bar.addMenu(tr("&Help")).addActions([actions.shortcuts, actions.about])


def fill_tool_bar(bar: QToolBar, actions: Actions, line: QWidget) -> None:
    """Fill the tool bar; ``line`` stands at its right end."""
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    bar.addActions([actions.new, actions.open])
    bar.addSeparator()
    bar.addActions([actions.add_files, actions.extract, actions.verify, actions.remove])
    bar.addSeparator()
    for action in (actions.undo, actions.redo):
        bar.addAction(action)
        button = bar.widgetForAction(action)
        if isinstance(button, QToolButton):  # their texts change, which would move the others
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    space = QWidget(bar)
    space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(space)
    bar.addWidget(line)
    bar.setContentsMargins(0, 0, 6, 0)


class Centre(QSplitter):
    """The archive and its details side by side, and the jobs below them."""

    def __init__(
        self,
        message: QWidget,
        pages: QWidget,
        details: QWidget,
        jobs: JobsPanel,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(message)
        column.addWidget(pages, 1)
        self.across = QSplitter(Qt.Orientation.Horizontal, self)
        self.across.addWidget(left)
        self.across.addWidget(details)
        self.across.setStretchFactor(0, 1)
        self.across.setStretchFactor(1, 0)
        self.across.setSizes([870, 410])
        self.across.setCollapsible(0, False)
        self.addWidget(self.across)
        self.addWidget(jobs)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 0)
        for splitter in (self.across, self):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(1)
        jobs.setFrameShape(QFrame.Shape.NoFrame)
        self._jobs, self._unfolded = jobs, jobs.sizeHint().height()
        jobs.folded_changed.connect(self._on_folded)

    def _on_folded(self, folded: bool) -> None:
        """A splitter does not give away the room of a part whose maximum height shrinks."""
        upper, lower = self.sizes()
        if folded and lower > self._jobs.folded_height:  # else it has not been laid out yet
            self._unfolded = lower
        height = self._jobs.folded_height if folded else self._unfolded
        self.setSizes([upper + lower - height, height])
