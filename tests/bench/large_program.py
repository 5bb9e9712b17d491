#!/usr/bin/env python3
"""Builds a C++ program of about 50 MB with debug information: large_program.py OUTPUT [UNITS]. Takes minutes, once."""
import os
import subprocess
import sys
import tempfile

UNIT = """
#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

namespace unit{n} {{
struct Item {{
  std::string name;
  std::vector<int> values;
  std::variant<int, double, std::string> other;
  bool operator<(const Item& right) const {{ return name < right.name; }}
}};

static int sum(const Item& item) {{
  int total = {n};
  for (int value : item.values) total += value;
  return total;
}}

{functions}

int all(int count) {{
  int result = 0;
{calls}
  return result;
}}
}}  // namespace unit{n}
"""

FUNCTION = """
struct Key{k} {{
  int number;
  bool operator<(const Key{k}& right) const {{ return number < right.number; }}
  bool operator==(const Key{k}& right) const {{ return number == right.number; }}
}};
int function{k}(int count) {{
  std::map<Key{k}, Item> sorted;
  std::unordered_map<std::string, std::shared_ptr<Item>> hashed;
  std::vector<Key{k}> keys;
  std::deque<std::pair<Key{k}, std::function<int(int)>>> tasks;
  for (int i = 0; i < count; ++i) {{
    Item item{{std::to_string(i), {{i, {k}}}, i * 0.5}};
    sorted.emplace(Key{k}{{i}}, item);
    hashed["x" + item.name] = std::make_shared<Item>(item);
    keys.push_back({{count - i}});
    tasks.emplace_back(Key{k}{{i}}, [=](int more) {{ return sum(item) + more + {k}; }});
  }}
  std::sort(keys.begin(), keys.end());
  std::stable_sort(keys.begin(), keys.end());
  std::set<Key{k}> distinct(keys.begin(), keys.end());
  std::ostringstream text;
  for (auto& [key, item] : sorted) text << key.number << item.name;
  int result = static_cast<int>(text.str().size() + distinct.size() + hashed.size());
  for (auto& [key, task] : tasks) result += task(key.number);
  return result;
}}
"""


def main():
    output = os.path.abspath(sys.argv[1])
    units = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    compiler = os.environ.get("CXX", "c++")
    with tempfile.TemporaryDirectory() as work:
        objects = []
        for n in range(units):
            functions = "".join(FUNCTION.format(k=k) for k in range(6))
            calls = "".join(f"  result += function{k}(count);\n" for k in range(6))
            source = os.path.join(work, f"unit{n}.cc")
            with open(source, "w", encoding="ascii") as file:
                file.write(UNIT.format(n=n, functions=functions, calls=calls))
            objects.append(source[:-3] + ".o")
            subprocess.run([compiler, "-std=c++20", "-O1", "-g", "-c", source, "-o", objects[-1]], check=True)
        start = os.path.join(work, "main.cc")
        with open(start, "w", encoding="ascii") as file:
            for n in range(units):
                file.write(f"namespace unit{n} {{ int all(int); }}\n")
            file.write("int main(int count, char**) {\n  int result = 0;\n")
            for n in range(units):
                file.write(f"  result += unit{n}::all(count);\n")
            file.write("  return result & 1;\n}\n")
        subprocess.run([compiler, "-std=c++20", "-g", start, *objects, "-o", output], check=True)


main()
