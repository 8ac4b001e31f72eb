"""What makes the bundled encoder; no part of the installed package."""
