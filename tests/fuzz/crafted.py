"""Checkpoints that no torch wrote: pickles put together by hand, in zip files that are as well."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping

NAME = "enc_p.text_embedding.weight"


def archive(data: bytes, storages: Mapping[str, bytes] | None = None, **others: bytes) -> bytes:
    """A zip file as `torch.save` writes it, around a pickle and the numbers of its tensors."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a/data.pkl", data)
        for key, numbers in (storages or {}).items():
            made.writestr(f"a/data/{key}", numbers)
        for name, content in {"version": b"3\n", "byteorder": b"little", **others}.items():
            made.writestr(f"a/{name}", content)
    return buffer.getvalue()


def pickled(*parts: bytes) -> bytes:
    """Instructions between the mark of protocol 2 and its end."""
    return b"\x80\x02" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integer(value: int) -> bytes:
    n_bytes = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([n_bytes]) + value.to_bytes(n_bytes, "little", signed=True)


def together(*items: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(items) + b"t"


def named(name: str) -> bytes:
    module, _, last = name.rpartition(".")
    return b"c" + module.encode() + b"\n" + last.encode() + b"\n"


def call(name: str, *arguments: bytes) -> bytes:
    return named(name) + together(*arguments) + b"R"


def table(*pairs: tuple[bytes, bytes]) -> bytes:
    return b"}(" + b"".join(name + value for name, value in pairs) + b"u"


def storage(key: str, n: int, kind: str = "torch.FloatStorage") -> bytes:
    return together(text("storage"), named(kind), text(key), text("cpu"), integer(n)) + b"Q"


def tensor(numbers: bytes, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    return call(
        "torch._utils._rebuild_tensor_v2",
        numbers,
        integer(offset),
        together(*map(integer, size)),
        together(*map(integer, stride)),
        b"\x89",
        call("collections.OrderedDict"),
    )


WEIGHT = tensor(storage("0", 4), (2, 2), (2, 1))
NUMBERS = {"0": struct.pack("<4f", 1, 2, 3, 4)}


def voice(config: bytes = b"}", weight: bytes = WEIGHT, name: bytes | None = None) -> bytes:
    """The pickle of a voice with one weight."""
    weights = table((name or text(NAME), weight))
    return pickled(table((text("weight"), weights), (text("config"), config), (text("info"), text(""))))


def laughing(levels: int) -> bytes:
    """Lists of two lists each, which are one and the same: 2^levels lists."""
    return b"]" if levels == 0 else b"](" + laughing(levels - 1) + b"q\x07h\x07e"


def chained(length: int) -> bytes:
    """Lists that each hold the one before, all of them in one list, so that none is met deep inside."""
    links = b"".join(
        b"](" + (b"j" + struct.pack("<I", at - 1) if at else b"N") + b"er" + struct.pack("<I", at)
        for at in range(length)
    )
    return b"](" + links + b"e"


def zipped(
    members: Mapping[str, bytes], *, flags: int = 0, method: int = zipfile.ZIP_STORED, twice: bool = False
) -> bytes:
    """A zip file whose members, entries and flags need not agree."""
    body, directory, count = b"", b"", 0
    for name, content in [*members.items()] * (2 if twice else 1):
        packed = content if method == zipfile.ZIP_STORED else zlib.compress(content)[2:-4]
        encoded, crc = name.encode(), zlib.crc32(content)
        sizes = struct.pack("<3L", crc, len(packed), len(content))
        kind = struct.pack("<5H", 20, flags, method, 0, 0)
        lengths = struct.pack("<2H", len(encoded), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + kind + sizes + lengths
        directory += struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + encoded
        body += b"PK\x03\x04" + kind + sizes + lengths + encoded + packed
        count += 1
    end = struct.pack("<4H2LH", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def safetensors(header: object, numbers: bytes, length: int | None = None) -> bytes:
    """A safetensors file with any header, given as JSON's value or as text."""
    said = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(said) if length is None else length) + said.encode() + numbers


def _entry(dtype: str = "F32", shape: object = (2, 2), offsets: object = (0, 16)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


_MEMBERS = {"a/data.pkl": voice(), "a/data/0": NUMBERS["0"], "a/version": b"3\n"}
_SIXTEEN = NUMBERS["0"]

HOSTILE: Mapping[str, tuple[bytes, str]] = {
    "bytearray.pth": (
        archive(pickled(call("builtins.bytearray", integer(100 << 30)))),
        r"wants to run builtins\.bytearray",
    ),
    "bytes.pth": (
        archive(pickled(call("builtins.bytes", integer(100 << 30)))),
        r"wants to run builtins\.bytes",
    ),
    "system.pth": (archive(pickled(call("posix.system", text("false")))), r"wants to run posix\.system"),
    "python_2.pth": (archive(pickled(call("__builtin__.eval", text("1")))), r"wants to run builtins\.eval"),
    "called_table.pth": (archive(pickled(b"}", b")", b"R")), "a call of what is no class"),
    "cyclic.pth": (
        archive(voice(b"}q\x14" + text("self") + b"h\x14s"), NUMBERS),
        "contains itself",
    ),
    "cyclic_list.pth": (archive(voice(b"]q\x14h\x14a"), NUMBERS), "contains itself"),
    "shared.pth": (archive(voice(laughing(40)), NUMBERS), "unfolds to more than 1,000,000 values"),
    "deep.pth": (archive(voice(b"](" * 5000 + b"e" * 5000), NUMBERS), "nests more than 64"),
    "chain.pth": (archive(voice(chained(900)), NUMBERS), "nests more than 64"),
    "deep_tuple.pth": (archive(voice(b")" + b"\x85" * 100_000), NUMBERS), "nests more than 64"),
    "many.pth": (archive(voice(b"](" + b"N" * 1_050_000 + b"e"), NUMBERS), "more than 1,000,000 pickled"),
    "nan.pth": (
        archive(voice(), {"0": struct.pack("<4f", 1, float("nan"), 3, 4)}),
        rf"{NAME}: values that are no finite numbers",
    ),
    "infinite.pth": (
        archive(voice(), {"0": struct.pack("<4f", 1, float("-inf"), 3, 4)}),
        rf"{NAME}: values that are no finite numbers",
    ),
    "negative_stride.pth": (
        archive(voice(weight=tensor(storage("0", 4), (4,), (-1,))), NUMBERS),
        "shape or strides are no sizes",
    ),
    "negative_size.pth": (
        archive(voice(weight=tensor(storage("0", 4), (-4,), (1,))), NUMBERS),
        "shape or strides are no sizes",
    ),
    "repeated.pth": (
        archive(voice(weight=tensor(storage("0", 4), (1 << 35,), (0,))), NUMBERS),
        rf"weight\.{NAME} claims the shape \[34359738368\] but holds fewer",
    ),
    "overflow.pth": (
        archive(voice(weight=tensor(storage("0", 4), (1 << 40, 1 << 40), (0, 0))), NUMBERS),
        "a tensor of the shape",
    ),
    "past_the_end.pth": (
        archive(voice(weight=tensor(storage("0", 4), (2, 2), (2, 1), offset=1)), NUMBERS),
        "in a storage of 4 numbers",
    ),
    "short.pth": (
        archive(voice(weight=tensor(storage("0", 1 << 40), (1 << 40,), (1,))), NUMBERS),
        "a storage of 4398046511104 bytes where the file holds 16 bytes",
    ),
    "absent.pth": (archive(voice()), "a storage of 16 bytes where the file holds none"),
    "outside.pth": (
        archive(voice(weight=tensor(storage("../../etc/passwd", 4), (4,), (1,))), NUMBERS),
        "where the file holds none",
    ),
    "tied.pth": (
        archive(
            pickled(
                tensor(storage("0", 1 << 18), (1 << 18,), (1,)) + b"q\x00}(",
                *(text(f"enc_p.{at}") + b"h\x00" for at in range(40)),
                b"u",
            ),
            {"0": bytes(1 << 20)},
        ),
        "its tensors claim 41943040 bytes and share 1048576",
    ),
    "quantised.pth": (
        archive(voice(weight=tensor(storage("0", 4, "torch.QInt8Storage"), (4,), (1,))), NUMBERS),
        r"holds torch\.QInt8Storage, and so other than plain tensors",
    ),
    "sparse.pth": (
        archive(voice(weight=call("torch._utils._rebuild_sparse_tensor", b"N"))),
        r"holds torch\._utils\._rebuild_sparse_tensor, and so other than plain tensors",
    ),
    "meta.pth": (
        archive(voice(weight=call("torch._utils._rebuild_meta_tensor_no_storage", b"N"))),
        "other than plain tensors",
    ),
    "nested.pth": (
        archive(voice(weight=call("torch._utils._rebuild_nested_tensor", b"N"))),
        "other than plain tensors",
    ),
    "number_for_a_name.pth": (archive(voice(name=integer(7)), NUMBERS), "has no table of weights"),
    "colliding.pth": (
        archive(voice(b"}(" + integer((1 << 61) - 1 << 40) + b"Nu"), NUMBERS),
        "a table with a name that is no text",
    ),
    "tuple_for_a_name.pth": (
        archive(voice(b"}(" + b")" + b"\x85" * 100_000 + b"Nu"), NUMBERS),
        "no text but tuple",
    ),
    "list_for_a_name.pth": (archive(voice(b"}(]Nu"), NUMBERS), "no text but list"),
    "long_name.pth": (archive(voice(name=text("n" * 1_000_000)), NUMBERS), "a name of 1000000 characters"),
    "escape_in_a_name.pth": (archive(voice(name=text("\x1b[2Jx")), NUMBERS), r"'\\x1b\[2Jx' holds control"),
    "surrogate.pth": (archive(voice(name=text("\ud800")), NUMBERS), "surrogates not allowed"),
    "huge_integer.pth": (archive(voice(integer(1 << 1999)), NUMBERS), "an integer of 2000 bits"),
    "protocol_4.pth": (archive(b"\x80\x04}\x94."), "the pickled instruction MEMOIZE"),
    "unfinished.pth": (archive(b"\x80\x02}"), "is cut short, damaged"),
    "empty_pickle.pth": (archive(b""), "is cut short, damaged"),
    "popped.pth": (archive(b"\x80\x02."), "is cut short, damaged"),
    "not_there.pth": (archive(b"\x80\x02h\x05."), "is cut short, damaged"),
    "persistent.pth": (
        archive(pickled(together(text("module"), b"N", b"N", b"N", b"N") + b"Q")),
        "a storage",
    ),
    "twice.pth": (zipped(_MEMBERS, twice=True), r"a/data\.pkl is there twice"),
    "encrypted.pth": (zipped(_MEMBERS, flags=1), "is compressed or encrypted"),
    "compressed.pth": (zipped(_MEMBERS, method=zipfile.ZIP_DEFLATED), "unpacks to more|is compressed"),
    "bomb.pth": (
        zipped({"a/data.pkl": voice(), "a/data/0": bytes(1 << 24)}, method=zipfile.ZIP_DEFLATED),
        "unpacks to more than its size",
    ),
    "two_pickles.pth": (zipped({**_MEMBERS, "b/data.pkl": voice()}), r"no data\.pkl"),
    "traversing.pth": (
        zipped({f"../{name}": content for name, content in _MEMBERS.items()}),
        r"no data\.pkl",
    ),
    "big_endian.pth": (archive(voice(), NUMBERS, byteorder=b"big"), "big-endian"),
    "header.safetensors": (safetensors("{}", b"", length=1 << 60), "its header is longer than the file"),
    "nesting.safetensors": (safetensors("[" * 100_000, b""), "its header nests too deeply|is no JSON"),
    "unknown.safetensors": (safetensors({NAME: _entry("F4")}, _SIXTEEN), "has the type 'F4'"),
    "claims.safetensors": (
        safetensors({NAME: _entry(shape=(1 << 40, 1 << 20))}, _SIXTEEN),
        "claims the shape",
    ),
    "overlap.safetensors": (
        safetensors({NAME: _entry(), "b": _entry()}, _SIXTEEN),
        "its tensors overlap or leave gaps",
    ),
    "gap.safetensors": (safetensors({NAME: _entry()}, _SIXTEEN + b"more"), "holds 20 bytes of numbers"),
    "repeats.safetensors": (
        safetensors(f'{{"a": {json.dumps(_entry())}, "a": {json.dumps(_entry())}}}', _SIXTEEN),
        "a name is there twice",
    ),
    "negative.safetensors": (safetensors({NAME: _entry(shape=(-2, -2))}, _SIXTEEN), "has no shape or place"),
    "no_tables.safetensors": (safetensors({NAME: 3}, b""), "has the type"),
    "list.safetensors": (safetensors([1], b""), "its header is no table"),
}
"""Files by name, each with what its refusal says."""
