"""The formats of files, one a module, each a function over an opened stream.

A `Format` reads a `File` by the settings of a `FileReader`, from a place on. It knows nothing of where the file stands
(a folder, a bucket), how it is compressed or encoded: `delivery.read_files` sees to that, and to all that goes wrong.
"""
