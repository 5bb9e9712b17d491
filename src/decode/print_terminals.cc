// Printers of terminal settings (struct termios and its like; ioctl_tty(2), asm-generic/termbits.h).
#include <asm/termbits.h>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/words.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kInputWords[] = {
    W(IGNBRK), W(BRKINT), W(IGNPAR), W(PARMRK), W(INPCK), W(ISTRIP),  W(INLCR), W(IGNCR),
    W(ICRNL),  W(IUCLC),  W(IXON),   W(IXANY),  W(IXOFF), W(IMAXBEL), W(IUTF8),
};
constexpr Vocabulary kInput{kInputWords, ""};

constexpr Word kOutputWords[] = {
    W(OPOST), W(OLCUC), W(ONLCR), W(OCRNL), W(ONOCR), W(ONLRET), W(OFILL), W(OFDEL),
};
constexpr Vocabulary kOutput{kOutputWords, ""};

// Delays: each a small number within the output flags.
struct Delay {
  uint32_t mask;
  std::string_view names[4];
  unsigned shift;
};
constexpr Delay kDelays[] = {
    {NLDLY, {"NL0", "NL1"}, 8},
    {CRDLY, {"CR0", "CR1", "CR2", "CR3"}, 9},
    {TABDLY, {"TAB0", "TAB1", "TAB2", "XTABS"}, 11},
    {BSDLY, {"BS0", "BS1"}, 13},
    {VTDLY, {"VT0", "VT1"}, 14},
    {FFDLY, {"FF0", "FF1"}, 15},
};

constexpr Word kSpeedWords[] = {
    W(B0),       W(B50),      W(B75),      W(B110),     W(B134),     W(B150),     W(B200),     W(B300),
    W(B600),     W(B1200),    W(B1800),    W(B2400),    W(B4800),    W(B9600),    W(B19200),   W(B38400),
    W(BOTHER),   W(B57600),   W(B115200),  W(B230400),  W(B460800),  W(B500000),  W(B576000),  W(B921600),
    W(B1000000), W(B1152000), W(B1500000), W(B2000000), W(B2500000), W(B3000000), W(B3500000), W(B4000000),
};
constexpr Vocabulary kSpeed{kSpeedWords, "B???"};
constexpr Word kSizeWords[] = {W(CS5), W(CS6), W(CS7), W(CS8)};
constexpr Vocabulary kSize{kSizeWords, "CS?"};
constexpr Word kControlWords[] = {
    W(CSTOPB), W(CREAD), W(PARENB), W(PARODD), W(HUPCL), W(CLOCAL), W(CMSPAR), W(CRTSCTS),
};
constexpr Vocabulary kControl{kControlWords, ""};

constexpr Word kLocalWords[] = {
    W(ISIG),   W(ICANON), W(XCASE),   W(ECHO),    W(ECHOE),  W(ECHOK),  W(ECHONL), W(NOFLSH),
    W(TOSTOP), W(IEXTEN), W(ECHOCTL), W(ECHOPRT), W(ECHOKE), W(FLUSHO), W(PENDIN), {0200000, "EXTPROC"},
};
constexpr Vocabulary kLocal{kLocalWords, ""};

constexpr Word kDisciplineWords[] = {
    {0, "N_TTY"},       {1, "N_SLIP"},  {2, "N_MOUSE"},     {3, "N_PPP"},   {4, "N_STRIP"},         {5, "N_AX25"},
    {6, "N_X25"},       {7, "N_6PACK"}, {8, "N_MASC"},      {9, "N_R3964"}, {10, "N_PROFIBUS_FDL"}, {11, "N_IRDA"},
    {12, "N_SMSBLOCK"}, {13, "N_HDLC"}, {14, "N_SYNC_PPP"}, {15, "N_HCI"},
};
constexpr Vocabulary kDiscipline{kDisciplineWords, "N_???"};

constexpr std::string_view kCharacters[] = {
    "VINTR", "VQUIT", "VERASE", "VKILL",    "VEOF",     "VTIME",   "VMIN",   "VSWTC", "VSTART",
    "VSTOP", "VSUSP", "VEOL",   "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2",
};

void append_rest(std::string& out, uint64_t rest, bool joined) {
  if (rest == 0) return;
  if (joined) out += '|';
  append_hex(out, rest);
}

void append_set(std::string& out, uint32_t value, const Vocabulary& words) {
  if (value == 0) {
    out += '0';
    return;
  }
  bool joined = false;
  const uint64_t rest = append_known_flags(out, value, words, joined);
  append_rest(out, rest, joined);
}

void append_output(std::string& out, uint32_t value) {
  bool joined = false;
  for (const Delay& delay : kDelays) {
    if (joined) out += '|';
    joined = true;
    out += delay.names[(value & delay.mask) >> delay.shift & 3];
    value &= ~delay.mask;
  }
  const uint64_t rest = append_known_flags(out, value, kOutput, joined);
  append_rest(out, rest, joined);
}

void append_control(std::string& out, uint32_t value) {
  append_choice(out, value & CBAUD, kSpeed);
  if (const uint32_t input = value >> IBSHIFT & CBAUD; input != 0) {
    out += '|';
    append_choice(out, input, kSpeed);
    out += "<<IBSHIFT";
  }
  out += '|';
  append_choice(out, value & CSIZE, kSize);
  bool joined = true;
  const uint32_t others = value & ~static_cast<uint32_t>(CBAUD | CSIZE | CIBAUD);
  append_rest(out, append_known_flags(out, others, kControl, joined), joined);
}

struct Settings {
  uint32_t input, output, control, local;
};

void append_settings(Context& c, const Settings& s) {
  c.out += "{c_iflag=";
  append_set(c.out, s.input, kInput);
  c.out += ", c_oflag=";
  append_output(c.out, s.output);
  c.out += ", c_cflag=";
  append_control(c.out, s.control);
  c.out += ", c_lflag=";
  append_set(c.out, s.local, kLocal);
}

void append_characters(Context& c, Fields& f, std::size_t count) {
  const uint8_t line = f.u8();
  const auto characters = f.raw(count);
  if (!c.style.verbose) {
    c.out += ", ...";
    return;
  }
  c.out += ", c_line=";
  append_choice(c.out, line, kDiscipline);
  c.out += ", c_cc=[";
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (i != 0) c.out += ", ";
    c.out += '[';
    if (i < std::size(kCharacters)) {
      c.out += kCharacters[i];
    } else {
      append_unsigned(c.out, i);
    }
    c.out += "]=";
    append_hex(c.out, static_cast<uint8_t>(characters[i]));
  }
  c.out += ']';
}

constexpr std::size_t kTermiosCharacters = 19, kTermioCharacters = 8;

void append_wide(Context& c, Fields& f) {
  const uint32_t input = f.u32(), output = f.u32(), control = f.u32(), local = f.u32();
  append_settings(c, {input, output, control, local});
  append_characters(c, f, kTermiosCharacters);
}

}  // namespace

void append_termios(Context& c, Fields& f) {
  append_wide(c, f);
  c.out += '}';
}

void append_termios2(Context& c, Fields& f) {
  append_wide(c, f);
  const uint32_t input = f.u32(), output = f.u32();
  if (c.style.verbose) {
    c.out += ", c_ispeed=";
    append_unsigned(c.out, input);
    c.out += ", c_ospeed=";
    append_unsigned(c.out, output);
  }
  c.out += '}';
}

void append_termio(Context& c, Fields& f) {
  const uint32_t input = f.u16(), output = f.u16(), control = f.u16(), local = f.u16();
  append_settings(c, {input, output, control, local});
  append_characters(c, f, kTermioCharacters);
  c.out += '}';
}

}  // namespace sightline::decode
