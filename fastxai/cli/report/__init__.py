"""Output of the commands: pictures, files and printed lines."""
