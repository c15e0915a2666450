"""Every call from the window to the core: on worker threads, with caches of what was decoded."""
