// gRPC calls over plaintext HTTP/2, as cheap as a load generator on the server's own cores must be:
// one thread, one poll, libnghttp2. A call of gRPC's own client takes longer than the server's
// whole answer, and its rate would be measured instead.
//
// Thread rule: an object belongs to one thread.
#pragma once

#include <nghttp2/nghttp2.h>
#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bursar::bench {

// An answer: of a call, or one of a stream's many.
struct Reply {
  uint64_t tag = 0;    // As it was given with the call; 0 of a stream.
  int status = -1;     // gRPC's status code; -1: there was none. A stream's answers have 0.
  std::string body;    // The serialized reply.
  bool is_end = true;  // False: a stream's answer, more may come.
};

class Http2Client {
 public:
  using Done = std::function<void(const Reply&)>;

  // Connects so many connections to "HOST:PORT" or "unix:PATH". Every call carries the token, if
  // there is one. `done` is called in Poll, for every call once, for a stream at each answer and at
  // its end; it may begin further ones. Throws std::runtime_error where they cannot be made.
  Http2Client(const std::string& server, int connections, const std::string& token, Done done);
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // Begins a call on the next connection in turn. `path` is that of the RPC and outlives the
  // client; `message` is serialized.
  void Call(const char* path, const std::string& message, uint64_t tag);

  // Begins a stream of requests and answers on the next connection in turn; it stays open as long
  // as the client does. Returns its number, from 0.
  size_t OpenStream(const char* path);

  // Sends one more request on a stream. Where the stream has ended, nothing is sent.
  void SendOnStream(size_t stream, const std::string& message);

  // Sends what waits, takes what has come or waits for it, at most so long (-1: for ever).
  void Poll(int milliseconds);

 private:
  struct Connection;
  struct Stream;

  // libnghttp2's callbacks.
  static nghttp2_session_callbacks* MakeCallbacks();
  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* buffer, size_t length,
                          uint32_t* flags, nghttp2_data_source* source, void*);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_length, const uint8_t* value, size_t value_length, uint8_t,
                      void* connection);
  static int OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t length,
                    void* connection);
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t error, void* connection);

  Stream& Begin(Connection& connection, const char* path, std::unique_ptr<Stream> stream);
  Connection& NextConnection();
  void TakeAnswers(Stream& stream);
  void Send(Connection& connection);
  void Receive(Connection& connection);

  const Done done_;
  const std::string authorization_;  // Empty: none is sent.
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Stream*> streams_;  // Null: it has ended.
  std::vector<pollfd> polled_;
  size_t next_ = 0;
};

}  // namespace bursar::bench
