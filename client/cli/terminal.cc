#include "client/cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <iterator>

namespace bursar::cli {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
constexpr char kWokenByte = 0;

// Where the signal handler writes: a file descriptor, or -1.
std::atomic<int> signal_pipe{-1};

extern "C" void TellPipe(int signal) {
  const int saved = errno;
  const char byte = static_cast<char>(signal);
  const int pipe = signal_pipe.load();
  // A full pipe already says enough.
  if (pipe >= 0) static_cast<void>(::write(pipe, &byte, 1) < 0);
  errno = saved;
}

void TakeSignals(int pipe[2], struct sigaction before[4]) {
  if (::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) pipe[0] = pipe[1] = -1;
  signal_pipe = pipe[1];
  struct sigaction action = {};
  action.sa_handler = &TellPipe;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &action, &before[i]);
}

void GiveSignalsBack(int pipe[2], const struct sigaction before[4]) {
  for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before[i], nullptr);
  signal_pipe = -1;
  for (const int end : {0, 1}) {
    if (pipe[end] >= 0) ::close(pipe[end]);
  }
}

void WriteAll(const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return;  // Nobody sees it any more.
    if (count > 0) done += static_cast<size_t>(count);
  }
}

void WriteByte(int pipe) {
  // A full pipe already says enough.
  if (::write(pipe, &kWokenByte, 1) < 0) return;
}

const char* SequenceOf(TopLine::Style style) {
  switch (style) {
    case TopLine::Style::kHeading:
      return "\x1b[1m";
    case TopLine::Style::kSelected:
      return "\x1b[7m";
    case TopLine::Style::kAlarm:
      return "\x1b[31m";
    case TopLine::Style::kPlain:
      break;
  }
  return "";
}

int Milliseconds(absl::Duration time) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(time), 0, 3'600'000));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open() {
  std::unique_ptr<Terminal> terminal(new Terminal());
  if (absl::Status status = terminal->Begin(); !status.ok()) return status;
  return terminal;
}

absl::Status Terminal::Begin() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0 ||
      ::tcgetattr(STDIN_FILENO, &before_) != 0) {
    return absl::FailedPreconditionError("there is no terminal");
  }
  TakeSignals(pipe_, actions_before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // A stopped program would leave its screen behind.
  begun_ = true;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  WriteAll("\x1b[?1049h\x1b[?25l");  // The other screen, no cursor.
  return absl::OkStatus();
}

Terminal::~Terminal() {
  if (!begun_) return;
  WriteAll("\x1b[0m\x1b[?25h\x1b[?1049l");
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  GiveSignalsBack(pipe_, actions_before_);
}

void Terminal::Size(size_t* width, size_t* height) const {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  *width = known ? size.ws_col : 80;
  *height = known && size.ws_row > 0 ? size.ws_row : 24;
}

void Terminal::Draw(const std::vector<TopLine>& lines) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    text += SequenceOf(lines[i].style);
    text += lines[i].text;
    text += "\x1b[0m\x1b[K";
    if (i + 1 < lines.size()) text += "\r\n";
  }
  WriteAll(text + "\x1b[J");
}

TerminalEvent Terminal::ReadKeys() {
  char keys[64];
  const ssize_t count = ::read(STDIN_FILENO, keys, sizeof(keys));
  if (count > 0) typed_.append(keys, static_cast<size_t>(count));
  if (count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN))) return NextKey();
  return TerminalEvent::kQuit;
}

TerminalEvent Terminal::NextKey() {
  while (!typed_.empty()) {
    const bool is_sequence =
        typed_.size() >= 3 && typed_[0] == '\x1b' && (typed_[1] == '[' || typed_[1] == 'O');
    const std::string key = typed_.substr(0, is_sequence ? 3 : 1);
    typed_.erase(0, key.size());
    if (key == "\x1b[A" || key == "\x1bOA" || key == "k") return TerminalEvent::kUp;
    if (key == "\x1b[B" || key == "\x1bOB" || key == "j") return TerminalEvent::kDown;
    if (key == "\x1b") return TerminalEvent::kEscape;
    if (key == "\r" || key == "\n") return TerminalEvent::kEnter;
    if (key == "q" || key == "Q") return TerminalEvent::kQuit;
    if (key == "s" || key == "S") return TerminalEvent::kSort;
  }
  return TerminalEvent::kNone;
}

TerminalEvent Terminal::Wait(absl::Duration time) {
  if (const TerminalEvent key = NextKey(); key != TerminalEvent::kNone) return key;
  pollfd sources[] = {{pipe_[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  if (::poll(sources, 2, Milliseconds(time)) < 0 && errno != EINTR) return TerminalEvent::kQuit;
  TerminalEvent event = TerminalEvent::kNone;
  char byte = 0;
  while (::read(pipe_[0], &byte, 1) == 1) {
    if (byte == kWokenByte) {
      if (event == TerminalEvent::kNone) event = TerminalEvent::kWoken;
    } else if (byte == static_cast<char>(SIGWINCH)) {
      event = TerminalEvent::kResized;
    } else {
      return TerminalEvent::kQuit;
    }
  }
  if (event != TerminalEvent::kNone) return event;
  return (sources[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? ReadKeys()
                                                                  : TerminalEvent::kNone;
}

void Terminal::Wake() { WriteByte(pipe_[1]); }

SignalWait::SignalWait() { TakeSignals(pipe_, actions_before_); }

SignalWait::~SignalWait() { GiveSignalsBack(pipe_, actions_before_); }

bool SignalWait::Ended(absl::Duration time) {
  pollfd source = {pipe_[0], POLLIN, 0};
  if (::poll(&source, 1, Milliseconds(time)) < 0 && errno != EINTR) return true;
  char byte = 0;
  while (::read(pipe_[0], &byte, 1) == 1) {
    if (byte != kWokenByte && byte != static_cast<char>(SIGWINCH)) return true;
  }
  return false;
}

void SignalWait::Wake() { WriteByte(pipe_[1]); }

}  // namespace bursar::cli
