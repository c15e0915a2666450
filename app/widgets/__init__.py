"""Small widgets, icons, colours and the shared actions."""
