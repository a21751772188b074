#!/usr/bin/env python3
"""A server that speaks MongoDB's wire protocol, for tests on machines without a mongod.

usage: mongo-compat.py PORT :memory:|FILE

It serves on 127.0.0.1 until it is killed, and prints its URI once it listens; port 0 takes a free
one. With a FILE, whatever was acknowledged survives a kill -9, and the next server on the same file
goes on with it.

The server is mongoeco (https://github.com/menudoproblema/mongoeco), a third party's: .ci/prepare
installs it. Below it is taught what the official Rust driver expects and it does otherwise. Known
differences that remain: inserts cost time in proportion to the collection (about 1,000 documents
are bearable in memory, 300 in a file), there are no change streams and no bulk write for a whole
client, explain names no winning plan, and a file compares numbers by type and strings up to a NUL.
What passes here is verified on a compatible server, which is less than on mongod.
"""

import asyncio
import sys

import bson
from mongoeco.core import bson_scalars
from mongoeco.core.aggregation import runtime
from mongoeco.core.bson_scalars import BsonInt32, BsonInt64
from mongoeco.engines.memory import MemoryEngine
from mongoeco.engines.sqlite import SQLiteEngine
from mongoeco.wire import proxy
from mongoeco.wire.bson_bridge import encode_wire_value
from mongoeco.wire.cursors import WireCursorStore
from mongoeco.wire.sessions import WireSessionStore

# The driver sends these as i64; the server wants plain integers.
INTEGER_OPTIONS = ("limit", "skip", "batchSize", "maxTimeMS", "getMore")

# What mongod puts into a batch when the client names no size, and the most it ever puts.
FIRST_BATCH = 101
BATCH_BYTES = 16 * 1024 * 1024

# Errors that the server sends without a code, by something that they say.
CODES = (
    ("Conflicting index definition", {"code": 86, "codeName": "IndexKeySpecsConflict"}),
    ("already exists", {"code": 48, "codeName": "NamespaceExists"}),
    (
        "Write conflict",
        {"code": 112, "codeName": "WriteConflict", "errorLabels": ["TransientTransactionError"]},
    ),
)


def plain_integers(document, names):
    for name in names:
        if isinstance(document.get(name), BsonInt64):
            document[name] = document[name].value


def teach_requests():
    """Options may be i64."""
    decode = proxy.decode_op_msg

    def decode_op_msg(header, payload):
        request = decode(header, payload)
        body = request.body
        plain_integers(body, INTEGER_OPTIONS)
        if isinstance(body.get("cursor"), dict):
            plain_integers(body["cursor"], INTEGER_OPTIONS)
        if isinstance(body.get("cursors"), list):
            body["cursors"] = [getattr(cursor, "value", cursor) for cursor in body["cursors"]]
        for stage in body.get("pipeline") or []:
            if isinstance(stage, dict):
                plain_integers(stage, ("$limit", "$skip"))
        return request

    proxy.decode_op_msg = decode_op_msg


def teach_answers():
    """A cursor's id is an i64, and every error has a code."""
    encode = proxy.encode_op_msg_response

    def encode_op_msg_response(document, **options):
        cursor = document.get("cursor")
        if isinstance(cursor, dict) and isinstance(cursor.get("id"), int):
            document = {**document, "cursor": {**cursor, "id": BsonInt64(cursor["id"])}}
        if not document.get("ok") and "code" not in document:
            message = str(document.get("errmsg"))
            codes = [code for said, code in CODES if said in message]
            document = {**document, **(codes[0] if codes else {"code": 8000})}
        return encode(document, **options)

    proxy.encode_op_msg_response = encode_op_msg_response


def fitting(documents, most):
    """How many of the documents one batch may hold; never none."""
    room = BATCH_BYTES
    for count, document in enumerate(documents[:most]):
        room -= len(bson.encode(encode_wire_value(document)))
        if room < 0:
            return max(count, 1)
    return most


def teach_batches():
    """A batch ends at 16 MiB, the first one also at 101 documents."""
    first, more = WireCursorStore.materialize_command_result, WireCursorStore.get_more

    def materialize_command_result(self, command, result, **context):
        cursor = result.get("cursor")
        documents = cursor.get("firstBatch") if isinstance(cursor, dict) else None
        if isinstance(documents, list) and len(documents) > 1:
            asked = self._resolve_batch_size(command)
            most = FIRST_BATCH if asked is None else asked or len(documents)
            command = {**command, "batchSize": fitting(documents, most)}
        return first(self, command, result, **context)

    def get_more(self, command, **context):
        state = self._state.get(command.get("getMore"))
        if state is not None:
            most = command.get("batchSize") or len(state.remaining_batch)
            command = {**command, "batchSize": fitting(state.remaining_batch, most)}
        return more(self, command, **context)

    WireCursorStore.materialize_command_result = materialize_command_result
    WireCursorStore.get_more = get_more


def teach_numbers():
    """A long stays one when something is added to it, and has a size."""
    wrap, size = bson_scalars._wrap_numeric_result, runtime._bson_value_size

    def wrap_numeric_result(left, right, result):
        wrapped = wrap(left, right, result)
        if isinstance(wrapped, BsonInt32) and BsonInt64 in (type(left), type(right)):
            return BsonInt64(wrapped.value)
        return wrapped

    def bson_value_size(value):
        if isinstance(value, BsonInt64):
            return 8
        return size(bson_scalars.unwrap_bson_numeric(value))

    bson_scalars._wrap_numeric_result = wrap_numeric_result
    runtime._bson_value_size = bson_value_size


def teach_transactions():
    """A transaction whose commit failed is over."""
    commit = WireSessionStore.commit_transaction

    def commit_transaction(self, body):
        try:
            return commit(self, body)
        except Exception:
            session = self._require_session(body)
            if session.transaction_active:
                session.abort_transaction()
            raise

    WireSessionStore.commit_transaction = commit_transaction


async def serve(port, file):
    engine = MemoryEngine() if file == ":memory:" else SQLiteEngine(file)
    async with proxy.AsyncMongoEcoProxyServer(engine=engine, host="127.0.0.1", port=port) as server:
        print(server.address.uri, flush=True)
        await asyncio.Event().wait()


def main():
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit("usage: mongo-compat.py PORT :memory:|FILE")
    teach_requests()
    teach_answers()
    teach_batches()
    teach_numbers()
    teach_transactions()
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
