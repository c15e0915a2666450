"""What the user does to an archive: one module for each family of actions."""
