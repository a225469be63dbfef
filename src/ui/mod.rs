//! Plans, events and errors as text, progress or JSON. It owns colour, width, and standard output and error.
