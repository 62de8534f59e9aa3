"""The words every room shares. Pure: no framework, no input or output, no clock of its own."""
