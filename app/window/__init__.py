"""The main window, which joins the parts."""
