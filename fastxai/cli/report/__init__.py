"""What a command leaves: pictures, files and the lines that it prints."""
