// An honest load generator: a process of its own, connections of its own, every request id used
// once, a part before the measurement that does not count.
//
// In a closed loop (the default) so many calls are always in flight. With --rate it is an open one:
// calls begin at their instants whether or not the ones before were answered, and each one's
// latency counts from the instant at which it should have begun, so that a server that stalls is
// seen to.
//
//   bursar_load record --server 127.0.0.1:50051 --in-flight 256 --seconds 10 [--server-pid 4711]
//
// Calls take turns on the connections; of "stream", each connection has one, and so many of its
// records are in flight on all of them together.
//
// Prints one JSON object. Exit status: 0, 1 where a call failed or was answered wrongly.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/load/http2_client.h"
#include "tests/bench/load/latency_histogram.h"
#include "tests/bench/load/traffic.h"

namespace bursar::bench {
namespace {

using Clock = std::chrono::steady_clock;

int64_t Now() { return Clock::now().time_since_epoch().count(); }

struct Settings {
  std::string call = "record";
  std::string server;
  std::string token;
  Traffic traffic;
  int in_flight = 64;
  int connections = 8;
  double seconds = 10;
  double warm_seconds = 1;
  int64_t count = 0;  // More than zero: exactly so many, and none of them to warm up.
  double rate = 0;    // Calls a second; 0: a closed loop.
  uint64_t first = 0;
  int server_pid = 0;
};

// The CPU time that a process has taken, in seconds.
double CpuSeconds(int pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class Load {
 public:
  Load(const Settings& settings, CallKind kind)
      : settings_(settings),
        kind_(kind),
        next_(settings.first),
        client_(settings.server, settings.connections, settings.token,
                [this](const Reply& reply) { Answered(reply); }) {
    if (kind_ != CallKind::kStream) return;
    for (int i = 0; i < settings.connections; ++i) client_.OpenStream(PathOf(kind_));
  }

  void Run() {
    begin_ = Now();
    counted_from_ = begin_;
    if (settings_.count == 0) counted_from_ += Nanoseconds(settings_.warm_seconds);
    end_ = counted_from_ + Nanoseconds(settings_.seconds);
    if (settings_.count > 0) end_ = INT64_MAX;
    if (settings_.rate > 0) {
      RunOpen();
    } else {
      for (int i = 0; i < settings_.in_flight && MayBegin(Now()); ++i) Begin(Now());
      while (in_flight_ > 0) client_.Poll(-1);
    }
    if (cpu_end_ < 0) EndMeasure(Now());
  }

  void Print() const {
    const double seconds = static_cast<double>(measured_end_ - counted_from_) / 1e9;
    const auto calls = static_cast<double>(histogram_.count());
    const auto items = calls * static_cast<double>(ItemsOf(kind_, settings_.traffic));
    const auto milliseconds = [this](double share) {
      return static_cast<double>(histogram_.Percentile(share)) / 1e6;
    };
    const nlohmann::ordered_json told = {
        {"call", settings_.call},
        {"inFlight", settings_.in_flight},
        {"rate", settings_.rate},
        {"seconds", seconds},
        {"calls", histogram_.count()},
        {"failed", failed_},
        {"firstError", first_error_},
        {"callsPerSecond", calls / seconds},
        {"itemsPerSecond", items / seconds},
        {"serverCpuMicrosecondsPerItem", items > 0 ? (cpu_end_ - cpu_begin_) * 1e6 / items : 0},
        {"p50Milliseconds", milliseconds(0.5)},
        {"p90Milliseconds", milliseconds(0.9)},
        {"p99Milliseconds", milliseconds(0.99)},
        {"p999Milliseconds", milliseconds(0.999)},
        {"maxMilliseconds", milliseconds(1)},
        {"nextNumber", next_}};
    // An error's words are the server's, and need not be text.
    std::printf("%s\n",
                told.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }

  bool is_clean() const { return failed_ == 0; }

 private:
  static int64_t Nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

  bool MayBegin(int64_t now) const {
    if (settings_.count > 0)
      return next_ < settings_.first + static_cast<uint64_t>(settings_.count);
    return now < end_;
  }

  // `due`: from when its latency counts.
  void Begin(int64_t due) {
    const uint64_t number = next_++;
    starts_[number % starts_.size()] = due;
    ++in_flight_;
    std::string message = MessageOf(kind_, settings_.traffic, number);
    if (kind_ == CallKind::kStream) {
      client_.SendOnStream(number % static_cast<uint64_t>(settings_.connections), message);
    } else {
      client_.Call(PathOf(kind_), message, number);
    }
  }

  void RunOpen() {
    const double interval = 1e9 / settings_.rate;
    int64_t begun = 0;
    while (true) {
      const int64_t now = Now();
      for (; MayBegin(now); ++begun) {
        const auto due = begin_ + static_cast<int64_t>(static_cast<double>(begun) * interval);
        // Those that wait for longer than this remembers end the run: the rate is out of reach.
        if (due > now || in_flight_ >= static_cast<int64_t>(starts_.size())) break;
        Begin(due);
      }
      if (!MayBegin(now) && in_flight_ == 0) return;
      client_.Poll(0);
    }
  }

  void Answered(const Reply& reply) {
    const int64_t now = Now();
    if (kind_ == CallKind::kStream && reply.is_end) {
      throw std::runtime_error("a stream ended with gRPC status " + std::to_string(reply.status));
    }
    const uint64_t number = kind_ == CallKind::kStream ? NumberOfAnswer(reply.body) : reply.tag;
    --in_flight_;
    if (now >= counted_from_ && cpu_begin_ < 0) {
      counted_from_ = now;
      cpu_begin_ = CpuSeconds(settings_.server_pid);
    }
    if (now >= end_ && cpu_end_ < 0) EndMeasure(now);
    if (cpu_begin_ >= 0 && cpu_end_ < 0) histogram_.Add(now - starts_[number % starts_.size()]);
    std::string wrong;
    if (reply.status != 0) wrong = "gRPC status " + std::to_string(reply.status);
    // Reading every answer would be the generator's work: a part of them shows what they are.
    if (wrong.empty() && (number % 64 == 0 || settings_.count > 0)) {
      wrong = WrongWith(kind_, reply.body);
    }
    if (!wrong.empty() && failed_++ == 0) first_error_ = wrong;
    if (settings_.rate == 0 && MayBegin(now)) Begin(now);
  }

  void EndMeasure(int64_t now) {
    measured_end_ = now;
    cpu_end_ = CpuSeconds(settings_.server_pid);
  }

  const Settings& settings_;
  const CallKind kind_;
  int64_t in_flight_ = 0;
  uint64_t next_;
  int64_t begin_ = 0;
  int64_t counted_from_ = 0;
  int64_t end_ = 0;
  int64_t measured_end_ = 0;
  double cpu_begin_ = -1;
  double cpu_end_ = -1;
  int64_t failed_ = 0;
  std::string first_error_;
  LatencyHistogram histogram_;
  std::vector<int64_t> starts_ = std::vector<int64_t>(1 << 20);
  Http2Client client_;
};

int Main(int argc, char** argv) {
  CLI::App app("Makes calls and measures them; see the head of its source");
  Settings settings;
  app.add_option("call", settings.call,
                 "check, record, batch, stream, organization, members, extra")
      ->required();
  app.add_option("--server", settings.server, "HOST:PORT or unix:PATH, plaintext")->required();
  app.add_option("--token", settings.token, "A service token");
  app.add_option("--server-pid", settings.server_pid, "Whose CPU time is told");
  app.add_option("--in-flight", settings.in_flight)->check(CLI::Range(1, 100'000));
  app.add_option("--connections", settings.connections)->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", settings.seconds)->check(CLI::PositiveNumber);
  app.add_option("--warm", settings.warm_seconds)->check(CLI::NonNegativeNumber);
  app.add_option("--count", settings.count, "Exactly so many calls, whatever they take");
  app.add_option("--first", settings.first, "The first call's number");
  app.add_option("--rate", settings.rate, "Calls a second, in an open loop");
  app.add_option("--organizations", settings.traffic.organizations)->check(CLI::PositiveNumber);
  app.add_option("--members", settings.traffic.members)->check(CLI::PositiveNumber);
  app.add_option("--batch", settings.traffic.batch)->check(CLI::Range(1, 1000));
  app.add_option("--prefix", settings.traffic.prefix, "Of request ids");
  CLI11_PARSE(app, argc, argv);
  const std::optional<CallKind> kind = ParseCallKind(settings.call);
  if (!kind.has_value()) {
    std::fprintf(stderr, "bursar_load: there is no call \"%s\"\n", settings.call.c_str());
    return 2;
  }
  try {
    Load load(settings, *kind);
    load.Run();
    load.Print();
    return load.is_clean() ? 0 : 1;
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "bursar_load: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace bursar::bench

int main(int argc, char** argv) { return bursar::bench::Main(argc, argv); }
