"""Speed and memory of fastxai. Commands and what they measure: README.md."""
