// How settings name modules, and how LyCORIS splits a dimension.
#include "adapter/config.h"

#include "check.h"

using namespace ace;

TEST("targets are matched by suffix of whole parts, full path or pattern") {
  CHECK(names_module("q_proj", "layers.0.self_attn.q_proj"));
  CHECK(names_module("self_attn.q_proj", "layers.0.self_attn.q_proj"));
  CHECK(names_module("layers.0.self_attn.q_proj", "layers.0.self_attn.q_proj"));
  CHECK(names_module("layers.*.self_attn.?_proj", "layers.11.self_attn.q_proj"));
  CHECK(!names_module("proj", "layers.0.self_attn.q_proj"));
  CHECK(!names_module("attn.q_proj", "layers.0.self_attn.q_proj"));
  CHECK(!names_module("layers.0", "layers.0.self_attn.q_proj"));
  CHECK(!names_module("", "layers.0.self_attn.q_proj"));
  CHECK(names_module("l*0*proj", "layers.0.self_attn.q_proj"));
  CHECK(names_module("self_attn.*", "layers.0.self_attn.q_proj"));
  CHECK(!names_module("l*0*proj?", "layers.0.self_attn.q_proj"));
  CHECK(!names_module("layers.0.self_attn.q_proj?", "layers.0.self_attn.q_proj"));
}

TEST("a pattern of many stars is matched in no time") {
  // Each star could take any number of characters, and to try them all would take years.
  std::string stars;
  for (int i = 0; i < 24; ++i) stars += "*?";
  CHECK(names_module(stars, "condition_embedder.layers.10.cross_attn.q_proj"));
  CHECK(!names_module(stars + "x", "condition_embedder.layers.10.cross_attn.q_proj"));
}

TEST("factorise splits a dimension as LyCORIS does") {
  using Pair = std::pair<int64_t, int64_t>;
  CHECK(factorise(2048, -1) == (Pair{32, 64}));
  CHECK(factorise(9728, -1) == (Pair{76, 128}));
  CHECK(factorise(97, -1) == (Pair{1, 97}));
  CHECK(factorise(96, 8) == (Pair{8, 12}));
  CHECK(factorise(97, 8) == (Pair{1, 97}));
  CHECK(factorise(1, -1) == (Pair{1, 1}));
  for (int64_t n = 1; n < 200; ++n)
    for (const int64_t factor : {-1, 1, 2, 5, 16}) {
      const auto [small, large] = factorise(n, factor);
      CHECK(small * large == n && small <= large);
    }
}
