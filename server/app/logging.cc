#include "server/app/logging.h"

#include <grpc/support/log.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/app/line_limit.h"
#include "server/base/clock.h"
#include "spdlog/async.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace bursar {
namespace {

constexpr size_t kQueuedLines = 8192;

std::string EscapeJson(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      escaped.push_back('\\');
      escaped.push_back(c);
    } else if (byte < 0x20) {
      absl::StrAppendFormat(&escaped, "\\u%04x", byte);
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

std::string_view LevelName(spdlog::level::level_enum level) {
  const auto name = spdlog::level::to_string_view(level);
  return std::string_view(name.data(), name.size());
}

// Of the log that was started last.
std::atomic<LogFormat> g_format = LogFormat::kText;

// A line of either kind, with its end; times are UTC.
std::string FormatLine(LogFormat format, absl::Time now, const std::string& level,
                       const std::string& message) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  return format == LogFormat::kJson ? FormatJsonLogLine(time, level, message) + "\n"
                                    : absl::StrCat(time, " ", level, " ", message, "\n");
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string line =
        FormatLine(format_, absl::FromChrono(message.time), std::string(LevelName(message.level)),
                   std::string(message.payload.data(), message.payload.size()));
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  const LogFormat format_;
};

// Strangers cause gRPC's errors at will: a failed handshake is one.
void LogGrpcError(const char* message) {
  static LineLimit limit(10, absl::Seconds(10));
  const std::optional<int64_t> left_out = limit.Take(SystemClock().Monotonic());
  if (left_out.has_value()) spdlog::error("grpc: {} (left out before: {})", message, *left_out);
}

void LogFromGrpc(gpr_log_func_args* args) {
  switch (args->severity) {
    case GPR_LOG_SEVERITY_ERROR:
      LogGrpcError(args->message);
      break;
    case GPR_LOG_SEVERITY_INFO:
      spdlog::info("grpc: {}", args->message);
      break;
    default:
      spdlog::debug("grpc: {}", args->message);
  }
}

}  // namespace

std::string FormatJsonLogLine(const std::string& time, const std::string& level,
                              const std::string& message) {
  return absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", level, "\",\"message\":\"",
                      EscapeJson(message), "\"}");
}

void StartLogging(const std::string& level, LogFormat format) {
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger =
      std::make_shared<spdlog::async_logger>("bursard", std::move(sink), spdlog::thread_pool(),
                                             spdlog::async_overflow_policy::overrun_oldest);
  logger->set_formatter(std::make_unique<LineFormatter>(format));
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(&LogFromGrpc);
  g_format = format;
}

void LogLastWords(const std::string& message) {
  const std::string line = FormatLine(g_format, absl::Now(), "critical", message);
  // Whether anybody reads it cannot be helped any more.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

void StopLogging() {
  gpr_set_log_function([](gpr_log_func_args*) {});
  // A late line finds a logger that is there and says nothing; the pool's end writes what waits.
  auto nothing = std::make_shared<spdlog::logger>("off");
  nothing->set_level(spdlog::level::off);
  spdlog::set_default_logger(std::move(nothing));
  spdlog::drop("bursard");
  spdlog::details::registry::instance().set_tp(nullptr);
}

}  // namespace bursar
