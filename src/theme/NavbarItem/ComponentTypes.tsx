import ComponentTypes from "@theme-original/NavbarItem/ComponentTypes";
import { LiveChip } from "../../components/LiveChip.tsx";

export default { ...ComponentTypes, "custom-live": LiveChip };
