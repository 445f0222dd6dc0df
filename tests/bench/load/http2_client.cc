#include "tests/bench/load/http2_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace bursar::bench {
namespace {

constexpr uint32_t kWindowBytes = 16 << 20;
constexpr size_t kFrameHead = 5;  // Of a gRPC message: compression and length.

// A socket that is connected to it; -1 where that cannot be.
int ConnectSocket(const addrinfo& where) {
  const int descriptor = socket(where.ai_family, SOCK_STREAM, 0);
  if (descriptor >= 0 && connect(descriptor, where.ai_addr, where.ai_addrlen) == 0) {
    return descriptor;
  }
  if (descriptor >= 0) close(descriptor);
  return -1;
}

int ConnectUnix(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return -1;
  path.copy(address.sun_path, path.size());
  addrinfo where = {};
  where.ai_family = AF_UNIX;
  where.ai_addr = reinterpret_cast<sockaddr*>(&address);
  where.ai_addrlen = sizeof(address);
  return ConnectSocket(where);
}

int ConnectTcp(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  const int descriptor = ConnectSocket(*found);
  freeaddrinfo(found);
  const int on = 1;
  if (descriptor >= 0) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return descriptor;
}

// "HOST:PORT" or "unix:PATH".
int Connect(const std::string& server) {
  constexpr std::string_view kUnix = "unix:";
  const size_t colon = server.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("the server must be HOST:PORT");
  const int descriptor = server.starts_with(kUnix)
                             ? ConnectUnix(server.substr(kUnix.size()))
                             : ConnectTcp(server.substr(0, colon), server.substr(colon + 1));
  if (descriptor < 0) throw std::runtime_error("cannot connect to " + server);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

// The length before a gRPC message.
uint32_t LengthIn(const std::string& head) {
  const auto byte = [&head](size_t i) { return uint32_t{static_cast<uint8_t>(head[i])}; };
  return byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
}

// A message with the length before it.
std::string Framed(const std::string& message) {
  const auto size = static_cast<uint32_t>(message.size());
  std::string framed;
  framed.reserve(kFrameHead + message.size());
  framed.assign({0, static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                 static_cast<char>(size >> 8), static_cast<char>(size)});
  return framed += message;
}

nghttp2_nv Header(std::string_view name, std::string_view value) {
  // libnghttp2 takes pointers to bytes that it does not change.
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

}  // namespace

// One call under way, or a stream.
struct Http2Client::Stream {
  Connection* connection = nullptr;
  int32_t id = 0;
  bool stays_open = false;
  bool is_deferred = false;  // It has nothing to send, and nghttp2 knows.
  size_t number = 0;         // Of a stream.
  std::string unsent;        // Requests with their lengths.
  size_t sent = 0;
  std::string received;
  Reply reply;
};

struct Http2Client::Connection {
  Http2Client* client = nullptr;
  int descriptor = -1;
  nghttp2_session* session = nullptr;
  std::string unsent;  // What the socket did not take yet.
  size_t unsent_position = 0;
};

nghttp2_session_callbacks* Http2Client::MakeCallbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnClose);
  return callbacks;
}

Http2Client::Http2Client(const std::string& server, int connections, const std::string& token,
                         Done done)
    : done_(std::move(done)), authorization_(token.empty() ? "" : "Bearer " + token) {
  nghttp2_session_callbacks* callbacks = MakeCallbacks();
  for (int i = 0; i < connections; ++i) {
    auto connection = std::make_unique<Connection>();
    connection->client = this;
    connection->descriptor = Connect(server);
    nghttp2_session_client_new(&connection->session, callbacks, connection.get());
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes}};
    nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
    polled_.push_back({connection->descriptor, POLLIN, 0});
    connections_.push_back(std::move(connection));
  }
  nghttp2_session_callbacks_del(callbacks);
}

Http2Client::~Http2Client() {
  for (Stream* stream : streams_) delete stream;
  for (const std::unique_ptr<Connection>& connection : connections_) {
    nghttp2_session_del(connection->session);
    close(connection->descriptor);
  }
}

ssize_t Http2Client::ReadBody(nghttp2_session*, int32_t, uint8_t* buffer, size_t length,
                              uint32_t* flags, nghttp2_data_source* source, void*) {
  Stream& stream = *static_cast<Stream*>(source->ptr);
  const size_t count = std::min(length, stream.unsent.size() - stream.sent);
  if (count == 0 && stream.stays_open) {
    stream.is_deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  std::memcpy(buffer, stream.unsent.data() + stream.sent, count);
  stream.sent += count;
  if (stream.sent == stream.unsent.size()) {
    if (!stream.stays_open) *flags |= NGHTTP2_DATA_FLAG_EOF;
    stream.unsent.clear();
    stream.sent = 0;
  }
  return static_cast<ssize_t>(count);
}

int Http2Client::OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                          size_t name_length, const uint8_t* value, size_t value_length, uint8_t,
                          void*) {
  const std::string_view key(reinterpret_cast<const char*>(name), name_length);
  if (key != "grpc-status") return 0;
  auto* stream =
      static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  if (stream != nullptr) {
    stream->reply.status =
        std::atoi(std::string(reinterpret_cast<const char*>(value), value_length).c_str());
  }
  return 0;
}

int Http2Client::OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                        size_t length, void* user_data) {
  auto* stream = static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  if (stream == nullptr) return 0;
  stream->received.append(reinterpret_cast<const char*>(data), length);
  if (stream->stays_open) static_cast<Connection*>(user_data)->client->TakeAnswers(*stream);
  return 0;
}

void Http2Client::TakeAnswers(Stream& stream) {
  std::string taken = std::move(stream.received);
  size_t at = 0;
  while (taken.size() - at >= kFrameHead) {
    const uint32_t length = LengthIn(taken.substr(at, kFrameHead));
    if (taken.size() - at - kFrameHead < length) break;
    done_({0, 0, taken.substr(at + kFrameHead, length), false});
    at += kFrameHead + length;
  }
  stream.received = taken.substr(at);
}

int Http2Client::OnClose(nghttp2_session* session, int32_t id, uint32_t, void* user_data) {
  Http2Client& client = *static_cast<Connection*>(user_data)->client;
  const std::unique_ptr<Stream> stream(
      static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id)));
  if (stream == nullptr) return 0;
  if (stream->stays_open) {
    client.streams_[stream->number] = nullptr;
  } else {
    stream->received.erase(0, std::min(kFrameHead, stream->received.size()));
    stream->reply.body = std::move(stream->received);
  }
  client.done_(stream->reply);
  return 0;
}

Http2Client::Connection& Http2Client::NextConnection() {
  Connection& connection = *connections_[next_];
  next_ = (next_ + 1) % connections_.size();
  return connection;
}

Http2Client::Stream& Http2Client::Begin(Connection& connection, const char* path,
                                        std::unique_ptr<Stream> stream) {
  const nghttp2_nv headers[] = {Header(":method", "POST"),
                                Header(":scheme", "http"),
                                Header(":path", path),
                                Header(":authority", "localhost"),
                                Header("content-type", "application/grpc"),
                                Header("te", "trailers"),
                                Header("authorization", authorization_)};
  const size_t count = std::size(headers) - (authorization_.empty() ? 1 : 0);
  nghttp2_data_provider body = {};
  body.source.ptr = stream.get();
  body.read_callback = &ReadBody;
  stream->connection = &connection;
  stream->id =
      nghttp2_submit_request(connection.session, nullptr, headers, count, &body, stream.get());
  if (stream->id < 0) throw std::runtime_error(nghttp2_strerror(stream->id));
  return *stream.release();  // OnClose has it back.
}

void Http2Client::Call(const char* path, const std::string& message, uint64_t tag) {
  auto stream = std::make_unique<Stream>();
  stream->unsent = Framed(message);
  stream->reply.tag = tag;
  Begin(NextConnection(), path, std::move(stream));
}

size_t Http2Client::OpenStream(const char* path) {
  auto stream = std::make_unique<Stream>();
  stream->stays_open = true;
  stream->number = streams_.size();
  streams_.push_back(&Begin(NextConnection(), path, std::move(stream)));
  return streams_.size() - 1;
}

void Http2Client::SendOnStream(size_t number, const std::string& message) {
  Stream* const stream = streams_[number];
  if (stream == nullptr) return;
  stream->unsent += Framed(message);
  if (!stream->is_deferred) return;
  stream->is_deferred = false;
  nghttp2_session_resume_data(stream->connection->session, stream->id);
}

void Http2Client::Send(Connection& connection) {
  while (true) {
    if (connection.unsent_position == connection.unsent.size()) {
      connection.unsent.clear();
      connection.unsent_position = 0;
      // What is ready goes out in as few writes as possible.
      while (connection.unsent.size() < 65'536) {
        const uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(connection.session, &data);
        if (size <= 0) break;
        connection.unsent.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
      }
      if (connection.unsent.empty()) return;
    }
    const ssize_t sent =
        send(connection.descriptor, connection.unsent.data() + connection.unsent_position,
             connection.unsent.size() - connection.unsent_position, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) throw std::runtime_error("a connection broke while writing");
    connection.unsent_position += static_cast<size_t>(sent);
  }
}

void Http2Client::Receive(Connection& connection) {
  uint8_t buffer[65'536];
  const ssize_t size = recv(connection.descriptor, buffer, sizeof(buffer), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) throw std::runtime_error("the server closed a connection");
  const ssize_t taken =
      nghttp2_session_mem_recv(connection.session, buffer, static_cast<size_t>(size));
  if (taken < 0) throw std::runtime_error(nghttp2_strerror(static_cast<int>(taken)));
}

void Http2Client::Poll(int milliseconds) {
  for (size_t i = 0; i < connections_.size(); ++i) {
    Send(*connections_[i]);
    const bool waits = connections_[i]->unsent_position < connections_[i]->unsent.size();
    polled_[i].events = static_cast<short>(waits ? POLLIN | POLLOUT : POLLIN);
  }
  if (poll(polled_.data(), polled_.size(), milliseconds) <= 0) return;
  for (size_t i = 0; i < connections_.size(); ++i) {
    if ((polled_[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0) Receive(*connections_[i]);
  }
}

}  // namespace bursar::bench
