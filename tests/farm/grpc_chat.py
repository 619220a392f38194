"""A gRPC service and its client, for the tests: `serve` prints its port and runs until its input ends, `ask HOST:PORT`
prints what a client gets as JSON. Messages are plain bytes."""

import json
import sys
import threading
from concurrent import futures

import grpc

SERVICE = "chat.Chat"


def say(request, context):
    context.set_trailing_metadata((("x-length", str(len(request))),))
    return request


def count(request, _context):
    for number in range(int(request)):
        yield str(number).encode()


def echo(requests, _context):
    for request in requests:
        yield request


def fail(_request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such room: Küche")


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Echo": grpc.stream_stream_rpc_method_handler(echo),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None)


def error_of(call):
    try:
        call()
        return None
    except grpc.RpcError as error:
        pushback = dict(error.trailing_metadata() or ()).get("grpc-retry-pushback-ms")
        return {"code": error.code().name, "details": error.details(), "pushback": pushback}


def ask(address):
    with grpc.insecure_channel(address) as channel:
        path = f"/{SERVICE}/"
        say = channel.unary_unary(path + "Say")
        count = channel.unary_stream(path + "Count")
        echo = channel.stream_stream(path + "Echo")
        fail = channel.unary_unary(path + "Fail")

        said = {"unary": error_of(lambda: say(b"x", timeout=60)), "stream": error_of(lambda: list(count(b"3", timeout=60)))}
        if said["unary"] is None:
            reply, call = say.with_call(b"x" * 1_000_000, timeout=60)
            said["length"] = len(reply)
            said["trailing"] = dict(call.trailing_metadata()).get("x-length")
            said["count"] = [number.decode() for number in count(b"500", timeout=60)]
            # Each message waits for the answer to the one before: both directions are open at the same time.
            answered, replies = threading.Semaphore(1), []

            def turns():
                for message in [b"a", b"b", b"c"]:
                    answered.acquire()
                    yield message

            for reply in echo(turns(), timeout=60):
                replies.append(reply.decode())
                answered.release()
            said["echo"] = replies
            said["fail"] = error_of(lambda: fail(b"", timeout=60))
        print(json.dumps(said))


if sys.argv[1] == "serve":
    serve()
else:
    ask(sys.argv[2])
