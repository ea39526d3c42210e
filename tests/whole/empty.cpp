// SPDX-License-Identifier: Apache-2.0
// Nothing: a target whose include paths the tests ask for.
