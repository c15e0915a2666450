"""Jobs as the window shows them: their state, their panel and their questions."""
