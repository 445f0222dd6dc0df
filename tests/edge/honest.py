"""Callers that do nothing wrong, in a process of their own: how they fare while others attack."""
import multiprocessing
import time

CHECK_ADMISSION = "/bursar.v1.QuotaService/CheckAdmission"
CREATE_ORGANIZATION = "/bursar.v1.AdminService/CreateOrganization"
ADD_MEMBERS = "/bursar.v1.AdminService/BatchUpsertMembers"
CALL_SECONDS = 10


def field(number, value):
    """A string, or a message as bytes, of a protobuf."""
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(data)]) + data


# Requests as they travel; that spares this program the generated classes.
REQUEST = field(1, "acme") + field(2, "ann")
ORGANIZATION = field(1, field(1, "acme") + field(3, "team"))
MEMBER = field(1, "acme") + field(2, field(1, "ann"))


def open_channel(address, token, root):
    """A new connection, and its CheckAdmission as a function of bytes."""
    import grpc  # Not before the fork: its threads would not come along.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0),
               ("grpc.max_reconnect_backoff_ms", 500),
               ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 1000)]
    channel = (grpc.insecure_channel(address, options) if root is None else
               grpc.secure_channel(address, grpc.ssl_channel_credentials(root), options))

    def call(method=CHECK_ADMISSION, request=REQUEST, wait=False):
        """Seconds that the answer took, or nothing where there was none."""
        begin = time.monotonic()
        try:
            channel.unary_unary(method)(request, timeout=CALL_SECONDS, wait_for_ready=wait,
                                        metadata=[("authorization", f"Bearer {token}")])
        except grpc.RpcError:
            return None
        return time.monotonic() - begin
    return channel, call


def _live(address, token, root, commands):
    channel, call = open_channel(address, token, root)
    for method, request in ((CREATE_ORGANIZATION, ORGANIZATION), (ADD_MEMBERS, MEMBER)):
        assert call(method, request, wait=True) is not None, method
    while True:
        command = commands.recv()
        if command == "end":
            channel.close()
            return
        if command == "call":  # Calls until told otherwise; says how it went.
            answers, failures = [], 0
            while not commands.poll():
                seconds = call()
                if seconds is None:
                    failures += 1
                else:
                    answers.append(seconds)
            commands.recv()
            commands.send((answers, failures))
        if command == "new":  # One call on a new connection.
            fresh, first_call = open_channel(address, token, root)
            commands.send(first_call(wait=True))
            fresh.close()


class Honest:
    """A caller with a token, on one connection that it keeps."""

    def __init__(self, address, token, root=None):
        self.commands, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_live, args=(address, token, root, theirs),
                                               daemon=True)
        self.process.start()

    def begin(self):
        """Calls, one after the other, until finish()."""
        self.commands.send("call")

    def finish(self):
        """Seconds of each answer, and how many calls failed."""
        self.commands.send("stop")
        return self.commands.recv()

    def is_new_caller_served(self):
        self.commands.send("new")
        return self.commands.recv() is not None

    def end(self):
        self.commands.send("end")
        self.process.join()
