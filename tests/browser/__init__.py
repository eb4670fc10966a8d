"""Journeys through the pages, as people make them: a real `cooee up`, the system's Chromium."""
