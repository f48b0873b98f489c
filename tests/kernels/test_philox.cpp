// The random words against Random123's known answers, which the tests' own Philox must give too.
#include <doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "every_isa.h"
#include "expected.h"

using namespace fastxai;

namespace {

struct KnownAnswer {
  int rounds;
  expected::Words counter;
  uint32_t key[2];
  expected::Words words;
};

std::vector<KnownAnswer> known_answers() {
  std::ifstream file(FASTXAI_KAT_FILE);
  std::vector<KnownAnswer> answers;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    KnownAnswer a;
    fields >> a.rounds >> std::hex;
    for (uint32_t& word : a.counter) fields >> word;
    for (uint32_t& word : a.key) fields >> word;
    for (uint32_t& word : a.words) fields >> word;
    REQUIRE(!fields.fail());
    answers.push_back(a);
  }
  return answers;
}

}  // namespace

TEST_CASE("the tests' own Philox gives the known answers") {
  const std::vector<KnownAnswer> answers = known_answers();
  REQUIRE(answers.size() == 6);
  for (const KnownAnswer& a : answers) {
    CHECK(expected::philox(a.counter, a.key[0], a.key[1], a.rounds) == a.words);
  }
}

TEST_CASE("philox4x32 gives the known answers of ten rounds") {
  for_every_probe([](const ProbeTable& probes) {
    int checked = 0;
    for (const KnownAnswer& a : known_answers()) {
      if (a.rounds != 10) continue;
      expected::Words words = a.counter;
      probes.philox(words.data(), a.key[0], a.key[1]);
      CHECK(words == a.words);
      ++checked;
    }
    CHECK(checked == 3);
  });
}

TEST_CASE("words have counter (block, index low, index high, stream) and key (low, high)") {
  for_every_probe([](const ProbeTable& probes) {
    for (const uint64_t seed : {uint64_t{0}, uint64_t{0x0123456789abcdef}, ~uint64_t{0}}) {
      for (const uint64_t index : {uint64_t{0}, uint64_t{0xffffffff}, uint64_t{1} << 32}) {
        for (const uint32_t stream : {0u, 1u}) {
          for (const uint32_t block : {0u, 1u, 4095u}) {
            expected::Words words;
            uint32_t many[64];
            probes.block(seed, index, stream, block, words.data());
            probes.words(seed, index, stream, 4 * int64_t{block}, many);
            for (int64_t k = 0; k < 64; ++k) {
              const uint32_t want =
                  expected::mask_word(seed, index, 4 * int64_t{block} + k, stream);
              CHECK(many[k] == want);
              if (k < 4) CHECK(words[static_cast<size_t>(k)] == want);
            }
          }
        }
      }
    }
  });
}
