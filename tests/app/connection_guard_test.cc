// The guard of connections over real sockets; what it hands over is held by the test.
#include "server/app/connection_guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/app/peer_name.h"
#include "tests/storage/temporary_directory.h"

namespace bursar {
namespace {

constexpr int kPatienceMs = 30'000;

// A client's end of a connection.
class Client {
 public:
  explicit Client(int port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  Client(Client&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Client() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  // Waits until the server has closed it.
  bool IsClosed() const {
    pollfd polled = {descriptor_, POLLIN, 0};
    char byte = 0;
    return poll(&polled, 1, kPatienceMs) == 1 && recv(descriptor_, &byte, 1, 0) <= 0;
  }
  // Whether it is open now.
  bool IsOpen() const {
    pollfd polled = {descriptor_, POLLIN, 0};
    return poll(&polled, 1, 0) == 0;
  }
  void Send(size_t bytes) const {
    const std::string data(bytes, 'x');
    EXPECT_EQ(send(descriptor_, data.data(), data.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes));
  }

 private:
  int descriptor_;
};

class ConnectionGuardTest : public testing::Test {
 protected:
  ~ConnectionGuardTest() override {
    guard_ = nullptr;
    for (const int descriptor : taken_) close(descriptor);
  }

  void Start(int max_connections, int kept_descriptors = 0) {
    ConnectionGuardOptions options;
    options.max_connections = max_connections;
    options.kept_descriptors = kept_descriptors;
    options.show_time = absl::ZeroDuration();
    guard_ = std::make_unique<ConnectionGuard>(options);
    const auto port = guard_->Listen(*ListenAddress::Parse("127.0.0.1:0"),
                                     [this](int descriptor) { Take(descriptor); });
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *port;
    ASSERT_TRUE(guard_->Start().ok());
  }

  void Take(int descriptor) {
    const std::lock_guard lock(mutex_);
    taken_.push_back(descriptor);
    changed_.notify_all();
  }

  // Connects and waits until the connection was handed over; its descriptor on the server's side.
  int Connect(std::vector<Client>* clients) {
    std::unique_lock lock(mutex_);
    const size_t before = taken_.size();
    clients->emplace_back(port_);
    changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                      [&] { return taken_.size() > before; });
    EXPECT_EQ(taken_.size(), before + 1);
    return taken_.back();
  }

  void Forget(int descriptor) {
    const std::lock_guard lock(mutex_);
    std::erase(taken_, descriptor);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> taken_;  // Guarded by mutex_.
  std::unique_ptr<ConnectionGuard> guard_;
  int port_ = 0;
};

// Rules: A1
TEST_F(ConnectionGuardTest, CountsTheLivingOnly) {
  Start(10);
  std::vector<Client> clients;
  Connect(&clients);
  const int second = Connect(&clients);
  EXPECT_EQ(guard_->counts().live, 2);
  // The descriptor is closed and used again for something that is no connection of the guard's.
  close(second);
  Forget(second);
  const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(other, second);
  guard_->Sweep();
  EXPECT_EQ(guard_->counts().live, 1);
  EXPECT_EQ(guard_->counts().accepted, 2);
  close(other);
}

// Rules: A1
TEST_F(ConnectionGuardTest, ANewcomerTakesThePlaceOfTheOldestWithoutACredential) {
  Start(4);
  std::vector<Client> clients;
  std::vector<int> descriptors;
  for (int i = 0; i < 4; ++i) descriptors.push_back(Connect(&clients));
  EXPECT_TRUE(guard_->is_watching());
  guard_->SawCredential(PeerNameOf(descriptors[0]));
  guard_->SawCredential("ipv4:127.0.0.1:1");  // Nobody's.
  Connect(&clients);
  EXPECT_TRUE(clients[1].IsClosed());
  EXPECT_TRUE(clients[0].IsOpen());
  EXPECT_EQ(guard_->counts().live, 4);
  EXPECT_EQ(guard_->counts().displaced, 1);
  EXPECT_EQ(guard_->counts().refused_full, 0);
}

// Rules: A1
TEST_F(ConnectionGuardTest, NoCallerIsThrownOutForANewcomer) {
  Start(2);
  std::vector<Client> clients;
  for (int i = 0; i < 2; ++i) guard_->SawCredential(PeerNameOf(Connect(&clients)));
  const Client newcomer(port_);
  EXPECT_TRUE(newcomer.IsClosed());
  EXPECT_TRUE(clients[0].IsOpen());
  EXPECT_TRUE(clients[1].IsOpen());
  EXPECT_EQ(guard_->counts().refused_full, 1);
}

// Rules: A1
TEST_F(ConnectionGuardTest, ShedsTheStrangersThatSentTheMost) {
  Start(10);
  std::vector<Client> clients;
  std::vector<int> descriptors;
  for (int i = 0; i < 4; ++i) descriptors.push_back(Connect(&clients));
  guard_->SawCredential(PeerNameOf(descriptors[0]));
  clients[0].Send(100'000);
  clients[2].Send(50'000);
  clients[3].Send(10);
  EXPECT_EQ(guard_->Shed(), 1);
  EXPECT_TRUE(clients[2].IsClosed());
  EXPECT_TRUE(clients[0].IsOpen());
  EXPECT_TRUE(clients[1].IsOpen());
  EXPECT_TRUE(clients[3].IsOpen());
  EXPECT_EQ(guard_->counts().shed, 1);
}

// Rules: A1
TEST_F(ConnectionGuardTest, CredentialsAreWatchedForFromTheFirstCallOn) {
  Start(10);
  EXPECT_FALSE(guard_->is_watching());
  // Who comes is watched from its first call on, long before anything is short.
  std::vector<Client> clients;
  const int first = Connect(&clients);
  EXPECT_TRUE(guard_->is_watching());
  guard_->SawCredential(PeerNameOf(first));
  EXPECT_FALSE(guard_->is_watching()) << "nobody is left to be watched";
}

// The limit of descriptors, put back at the end.
class LowLimit {
 public:
  explicit LowLimit(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = limit;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  ~LowLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

// Rules: A1
TEST_F(ConnectionGuardTest, WithoutADescriptorItAcceptsOnASpareAndIsNotDeafAfterwards) {
  Start(1000);
  std::vector<Client> clients;
  const int first = Connect(&clients);
  // Sockets of the clients first: they take descriptors of this same process.
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  {
    const LowLimit low(static_cast<rlim_t>(first));
    ASSERT_EQ(connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    pollfd polled = {descriptor, POLLIN, 0};
    char byte = 0;
    // The guard's spare descriptors are below the limit: the connection is taken, and closed.
    ASSERT_EQ(poll(&polled, 1, kPatienceMs), 1);
    EXPECT_LE(recv(descriptor, &byte, 1, 0), 0);
  }
  EXPECT_GE(guard_->counts().refused_descriptors, 1);
  close(descriptor);
  // Who comes while those that waited are still being refused is refused with them, and comes
  // again.
  std::unique_lock lock(mutex_);
  const size_t before = taken_.size();
  for (int i = 0; i < kPatienceMs / 100 && taken_.size() == before; ++i) {
    clients.emplace_back(port_);
    changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return taken_.size() > before; });
  }
  EXPECT_GT(taken_.size(), before);
  EXPECT_TRUE(clients.back().IsOpen());
}

// Rules: A1
TEST_F(ConnectionGuardTest, ShedsWithoutADescriptorToItsName) {
  Start(10);
  std::vector<Client> clients;
  Connect(&clients);
  const int last = Connect(&clients);
  clients[1].Send(1'000);
  {
    // All numbers below are taken.
    const LowLimit low(static_cast<rlim_t>(last));
    EXPECT_EQ(guard_->Shed(), 1);
  }
  EXPECT_TRUE(clients[1].IsClosed());
  EXPECT_TRUE(clients[0].IsOpen());
  EXPECT_EQ(guard_->counts().live, 1) << "it is not forgotten";
}

// Rules: A1
TEST_F(ConnectionGuardTest, TheLastDescriptorsAreTheStores) {
  Start(1000, 1'000'000'000);
  const Client client(port_);
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(guard_->counts().refused_descriptors, 1);
  EXPECT_EQ(guard_->counts().live, 0);
}

// Rules: A1
TEST(ConnectionGuard, RefusesASettingThatTheProcessCannotHold) {
  EXPECT_TRUE(ConnectionGuard::EnsureDescriptors(10).ok());
  const absl::Status status = ConnectionGuard::EnsureDescriptors(2'000'000'000);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(status.message()).find("LimitNOFILE"), std::string::npos);
}

// Rules: A1
TEST(ListeningSocket, AnAddressInUseIsNamedAndADeadSocketFileIsReplaced) {
  const auto first = ListeningSocket::Open(*ListenAddress::Parse("127.0.0.1:0"));
  ASSERT_TRUE(first.ok());
  const std::string address = "127.0.0.1:" + std::to_string(first->front().port());
  const auto second = ListeningSocket::Open(*ListenAddress::Parse(address));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(std::string(second.status().message()).find(address + ": the address is in use"),
            std::string::npos);

  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  const ListenAddress unix_address = *ListenAddress::Parse("unix:" + path);
  {
    const auto living = ListeningSocket::Open(unix_address);
    ASSERT_TRUE(living.ok()) << living.status();
    EXPECT_EQ(ListeningSocket::Open(unix_address).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
    EXPECT_EQ(rename(path.c_str(), (path + ".kept").c_str()), 0);
  }
  EXPECT_EQ(rename((path + ".kept").c_str(), path.c_str()), 0);  // Nobody listens at it any more.
  EXPECT_TRUE(ListeningSocket::Open(unix_address).ok());
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace bursar
