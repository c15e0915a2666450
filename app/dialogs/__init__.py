"""Every question to the user, behind one object that tests replace."""
