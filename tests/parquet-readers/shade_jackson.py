"""Makes the jar that the Iceberg jar of the Python registry lacks: Jackson, under the name that Iceberg gives it.

    python3 shade_jackson.py TARGET JAR [JAR]...

Copies the classes of the Jackson JARs into TARGET, and renames their package in the constants of each class.
"""

import struct
import sys
import zipfile

FROM = b"com/fasterxml/jackson"
TO = b"org/apache/iceberg/shaded/com/fasterxml/jackson"

UTF8 = 1
# The sizes of the other constants of a class file (JVM specification, 4.4), the tag included.
SIZES = {3: 5, 4: 5, 5: 9, 6: 9, 7: 3, 8: 3, 9: 5, 10: 5, 11: 5, 12: 5, 15: 4, 16: 3, 17: 5, 18: 5, 19: 3, 20: 3}
# A long and a double take two places.
WIDE = (5, 6)


def rename(content):
    """Returns a class file in which each constant has the new package."""
    (constants,) = struct.unpack_from(">H", content, 8)
    renamed, offset, index = bytearray(content[:10]), 10, 1
    while index < constants:
        tag = content[offset]
        if tag == UTF8:
            (length,) = struct.unpack_from(">H", content, offset + 1)
            text = content[offset + 3 : offset + 3 + length]
            for old, new in [(FROM, TO), (FROM.replace(b"/", b"."), TO.replace(b"/", b"."))]:
                text = text.replace(old, new)
            renamed += struct.pack(">BH", UTF8, len(text)) + text
            offset += 3 + length
        else:
            renamed += content[offset : offset + SIZES[tag]]
            offset += SIZES[tag]
        index += 2 if tag in WIDE else 1
    return bytes(renamed + content[offset:])


def main(target, *jars):
    with zipfile.ZipFile(target, "w") as shaded:
        for jar in jars:
            with zipfile.ZipFile(jar) as archive:
                for name in archive.namelist():
                    if name.startswith(FROM.decode()) and name.endswith(".class"):
                        shaded.writestr(TO.decode() + name[len(FROM) :], rename(archive.read(name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
