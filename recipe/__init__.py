"""What makes the bundled encoder and the tables of the papers; no part of the installed package."""
