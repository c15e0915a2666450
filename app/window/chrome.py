"""Where everything stands in the main window: menus, tool bar, splitters, status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from app.window.window import Window


def lay_out(window: Window) -> None:
    """Puts the window's parts in their places."""
    _fill_menus(window)
    _fill_tool_bar(window)
    _fill_centre(window)
    window.statusBar().addWidget(window.status, 1)
    window.statusBar().addPermanentWidget(window.job_status)
    window.status.setContentsMargins(8, 0, 0, 0)
    actions = window.actions_
    for entries in (window.browser.list, window.browser.tiles):  # whose keys these are
        entries.addActions([actions.copy, actions.open_folder])


def _fill_menus(window: Window) -> None:
    actions, bar = window.actions_, window.menuBar()
    archive = bar.addMenu(window.tr("&Archive"))
    archive.addActions([actions.new, actions.open])
    archive.addMenu(window.recent_menu)
    archive.addSeparator()
    archive.addActions([actions.add_files, actions.add_folder, actions.discard_originals])
    archive.addSeparator()
    archive.addActions([actions.extract, actions.extract_all, actions.verify])
    archive.addSeparator()
    archive.addActions([actions.export_csv, actions.export_html, actions.export_panel])
    archive.addSeparator()
    archive.addActions([actions.close, actions.quit])
    edit = bar.addMenu(window.tr("&Edit"))
    edit.addActions([actions.undo, actions.redo])
    edit.addSeparator()
    edit.addActions([actions.copy, actions.paste, actions.copy_table])
    edit.addSeparator()
    edit.addActions([actions.new_folder, actions.rename, actions.move, actions.remove])
    edit.addSeparator()
    edit.addActions([actions.select_all, actions.find, actions.properties])
    view = bar.addMenu(window.tr("&View"))
    view.addActions(
        [actions.open_folder, actions.up, actions.tiles, actions.zoom_in, actions.zoom_out]
    )
    view.addSeparator()
    view.addAction(actions.details)
    window.column_menu.aboutToShow.connect(window.fill_column_menu)
    view.addMenu(window.column_menu)
    view.addSeparator()
    view.addMenu(window.preferences.language)
    view.addMenu(window.preferences.appearance)
    jobs = bar.addMenu(window.tr("&Jobs"))
    jobs.addActions([actions.pause, actions.cancel, actions.cancel_all])
    jobs.addSeparator()
    jobs.addActions([actions.retry, actions.copy_errors, actions.clear_jobs])
    bar.addMenu(window.tr("&Help")).addAction(actions.about)


def _fill_tool_bar(window: Window) -> None:
    actions = window.actions_
    bar = window.addToolBar(window.tr("Tools"))
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
        if isinstance(button, QToolButton):  # their words change, and would move the others
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    space = QWidget(window)
    space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.addWidget(space)
    window.filter.setPlaceholderText(window.tr("Filter names"))
    window.filter.setAccessibleName(window.tr("Filter names"))
    window.filter.setClearButtonEnabled(True)
    window.filter.setAcceptDrops(False)  # else it would swallow dropped files
    window.filter.setFixedWidth(220)
    bar.addWidget(window.filter)
    bar.setContentsMargins(0, 0, 6, 0)


def _fill_centre(window: Window) -> None:
    window.stack.addWidget(window.empty)
    window.stack.addWidget(window.browser)
    left = QWidget(window)
    column = QVBoxLayout(left)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(window.message)
    column.addWidget(window.stack, 1)
    window.across.addWidget(left)
    window.across.addWidget(window.details)
    window.across.setStretchFactor(0, 1)
    window.across.setStretchFactor(1, 0)
    window.across.setSizes([870, 410])
    window.across.setCollapsible(0, False)
    window.across.setChildrenCollapsible(False)
    window.down.addWidget(window.across)
    window.down.addWidget(window.jobs_panel)
    window.down.setStretchFactor(0, 1)
    window.down.setStretchFactor(1, 0)
    window.down.setChildrenCollapsible(False)
    for splitter in (window.across, window.down):
        splitter.setHandleWidth(1)
    window.jobs_panel.setFrameShape(QFrame.Shape.NoFrame)
    window.setCentralWidget(window.down)
