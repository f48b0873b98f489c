"""Options: their values, what they refuse, and completion by the shell."""
