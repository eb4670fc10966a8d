"""Clicks: taken down before they are answered (`journal`), stored in bulk (`store`), told apart (`agents`,
`judge`), and passed on as events."""
