// A TCP proxy on loopback that cuts connections after a given number of bytes, wherever in a
// message that is: what a broken network does to a stream.
//
// Thread rule: made and destroyed on one thread; the accessors may be called from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace bursar {

class CuttingProxy {
 public:
  // How many bytes from the client connection number `index` (from 0) forwards before it is cut.
  using Budget = std::function<int64_t(int index)>;
  static constexpr int64_t kNeverCut = -1;

  // Forwards to 127.0.0.1:`target_port`.
  CuttingProxy(int target_port, Budget budget);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  int port() const { return port_; }
  // How many connections were cut so far.
  int cut_count() const { return cut_count_; }

 private:
  void AcceptLoop();
  void Forward(int client, int64_t budget);

  const int target_port_;
  const Budget budget_;
  int listener_ = -1;
  int stop_pipe_[2] = {-1, -1};
  int port_ = 0;
  std::atomic<int> cut_count_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> forwarders_;  // The acceptor's, until it has ended.
};

}  // namespace bursar
